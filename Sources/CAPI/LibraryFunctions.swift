/// The library itself: versions and texts that never change.
import CIpldStore
import IpldEngine

/// A constant C string. `StaticString` literals end with NUL and live as long as the library.
private func constant(_ text: StaticString) -> UnsafePointer<CChar>? {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func ips_strerror(_ status: ips_status) -> UnsafePointer<CChar>? {
    if status == ips_status(IPS_OK) { return constant("fine") }
    if status == ips_status(IPS_END) { return constant("the end") }
    guard let code = StoreError.Code(rawValue: status) else {
        return status > 0 ? constant("a callback's own status") : constant("unknown status")
    }
    switch code {
    case .notFound: return constant("not found")
    case .corrupt: return constant("stored bytes are damaged")
    case .invalid: return constant("invalid argument or input")
    case .exists: return constant("exists already")
    case .conflict: return constant("somebody else changed it first")
    case .busy: return constant("in use")
    case .full: return constant("disk or table full")
    case .tooLarge: return constant("too large for the format")
    case .bufferTooSmall: return constant("buffer too small")
    case .readOnly: return constant("open for reading only")
    case .permission: return constant("permission denied")
    case .notAStore: return constant("not a store")
    case .unsupported: return constant("not supported by this version")
    case .io: return constant("input/output error")
    case .cancelled: return constant("cancelled")
    case .callback: return constant("a callback failed")
    case .forked: return constant("handle inherited through fork")
    case .internal: return constant("internal error")
    }
}

@c @implementation
public func ips_version_number() -> UInt32 {
    UInt32(10000 * IPS_VERSION_MAJOR + 100 * IPS_VERSION_MINOR + IPS_VERSION_PATCH)
}

@c @implementation
public func ips_version_string() -> UnsafePointer<CChar>? { LibraryText.version.characters }

@c @implementation
public func ips_build_info() -> UnsafePointer<CChar>? { LibraryText.build.characters }

/// Text made once and kept for as long as the process lives.
private struct LibraryText: @unchecked Sendable {
    let characters: UnsafePointer<CChar>

    static let version = LibraryText("\(IPS_VERSION_MAJOR).\(IPS_VERSION_MINOR).\(IPS_VERSION_PATCH)")
    static let build = LibraryText(
        "ipldstore \(IPS_VERSION_MAJOR).\(IPS_VERSION_MINOR).\(IPS_VERSION_PATCH), Swift \(compiler), "
            + "\(machine), \(optimization), \(LibraryVersions.text)")

    private init(_ text: String) {
        let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: text.utf8.count + 1)
        writeText(text, to: UnsafeMutableRawBufferPointer(bytes))
        // A buffer of at least one element has an address.
        characters = UnsafePointer(bytes.baseAddress ?? UnsafeMutablePointer<CChar>.allocate(capacity: 1))
    }

    private static var compiler: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #else
            "6.3"
        #endif
    }

    private static var machine: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "arm64"
        #else
            "another machine"
        #endif
    }

    private static var optimization: String {
        #if DEBUG
            "debug"
        #else
            "optimized"
        #endif
    }
}
