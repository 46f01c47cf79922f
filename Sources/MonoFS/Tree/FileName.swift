import IpldEngine

/// The name of an entry: 1 to 1,024 bytes, whatever they spell, without "/" and NUL; neither "." nor "..".
/// Names are compared as bytes.
public struct FileName: Hashable, Comparable, Sendable {
    public let bytes: [UInt8]

    /// The longest name in bytes. File systems of Linux have 255, those with names in UTF-16 up to 765.
    public static let maximumLength = 1024

    /// INVALID for what is no name.
    public init(_ bytes: [UInt8]) throws(StoreError) {
        guard let name = FileName(checking: bytes) else {
            throw StoreError(
                .invalid,
                "a name has 1 to \(Self.maximumLength) bytes, no \"/\" and no NUL, and is no \".\" or \"..\"",
                systemError: SystemErrors.invalid)
        }
        self = name
    }

    public init(_ text: String) throws(StoreError) { try self.init(Array(text.utf8)) }

    init?(checking bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= Self.maximumLength, bytes != [0x2e], bytes != [0x2e, 0x2e],
            !bytes.contains(0), !bytes.contains(0x2f)
        else { return nil }
        self.bytes = bytes
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// "..", a step up in a path, and never an entry's name.
    static let parent = FileName(unchecked: [0x2e, 0x2e])

    public static func < (a: FileName, b: FileName) -> Bool {
        a.bytes.withBytes { (left) in b.bytes.withBytes { (right) in left.precedes(right) } }
    }
}

extension FileName: CustomStringConvertible {
    /// For messages: what is no UTF-8 is replaced.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// A way through a tree from its root, or from where a symbolic link stands: names, and steps up.
public struct FilePath: Hashable, Sendable {
    /// Without empty ones and ".".
    let components: [FileName]
    /// Whether it begins with "/".
    let isAbsolute: Bool

    /// The longest path in bytes.
    public static let maximumLength = 1 << 20

    public static let root = FilePath(components: [])

    /// Two paths are the same when their names are.
    public static func == (a: FilePath, b: FilePath) -> Bool { a.components == b.components }

    public func hash(into hasher: inout Hasher) { hasher.combine(components) }

    /// Names between slashes; "." and empty ones are nothing, ".." is a step up. INVALID when one is no name.
    public init(_ bytes: [UInt8]) throws(StoreError) {
        guard bytes.count <= Self.maximumLength else {
            throw StoreError(
                .invalid, "a path has at most \(Self.maximumLength) bytes",
                systemError: SystemErrors.nameTooLong)
        }
        var components: [FileName] = []
        for part in bytes.split(separator: 0x2f) where part != [0x2e] {
            components.append(part == [0x2e, 0x2e] ? .parent : try FileName(Array(part)))
        }
        self.components = components
        isAbsolute = bytes.first == 0x2f
    }

    public init(_ text: String) throws(StoreError) { try self.init(Array(text.utf8)) }

    /// The path of these names.
    public init(components: [FileName]) {
        self.components = components
        isAbsolute = true
    }

    public func appending(_ name: FileName) -> FilePath { FilePath(components: components + [name]) }

    func prefix(_ count: Int) -> FilePath { FilePath(components: Array(components.prefix(count))) }

    /// The last name; nil for the root, and where the last step is up.
    public var lastName: FileName? { components.last.flatMap { $0 == .parent ? nil : $0 } }

    /// The bytes of the names, with slashes between them; "/" for the root.
    public var bytes: [UInt8] {
        components.isEmpty ? [0x2f] : Array(components.map(\.bytes).joined(separator: [0x2f]))
    }
}

extension FilePath: CustomStringConvertible {
    /// For messages: what is no UTF-8 is replaced, and of a long path the end is shown.
    public var description: String {
        let bytes = bytes
        let text = String(decoding: bytes.suffix(250), as: UTF8.self)
        return bytes.count > 250 ? "…" + text : text
    }
}

/// The errno that a file system would give, for callers that are asked for one.
enum SystemErrors {
    static let notFound: Int32 = 2
    static let exists: Int32 = 17
    static let notADirectory: Int32 = 20
    static let isADirectory: Int32 = 21
    static let invalid: Int32 = 22
    static let readOnly: Int32 = 30
    static let nameTooLong: Int32 = 36
    static let notEmpty: Int32 = 39
    static let tooManyLinks: Int32 = 40
    static let noAttribute: Int32 = 61
}
