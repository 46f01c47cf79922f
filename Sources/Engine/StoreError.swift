/// What went wrong, in words a caller can act on. Damage, absence and failing I/O are never
/// reported as one another. The raw values are those of the C interface and never change.
public struct StoreError: Error, Sendable {
    public enum Code: Int32, Sendable, CaseIterable {
        /// The block, root, hold or file does not exist.
        case notFound = -1
        /// Stored bytes are not what they must be; see `ipldstore verify`.
        case corrupt = -2
        /// An argument or an input makes no sense.
        case invalid = -3
        /// It exists already and was left as it is.
        case exists = -4
        /// Somebody else changed it first; look again and retry.
        case conflict = -5
        /// Held by another process; try later.
        case busy = -6
        /// The disk, a quota or a table is full.
        case full = -7
        /// Beyond a limit of the format.
        case tooLarge = -8
        /// The caller's buffer is too small; the needed length was reported.
        case bufferTooSmall = -9
        /// The store was opened, or can only be opened, for reading.
        case readOnly = -10
        /// The operating system refused access.
        case permission = -11
        /// The path holds no store.
        case notAStore = -12
        /// A format, codec, hash or file system this version does not handle.
        case unsupported = -13
        /// A system call failed.
        case io = -14
        /// A progress callback asked to stop.
        case cancelled = -15
        /// A caller's callback failed.
        case callback = -16
        /// The handle was inherited through fork; open the store again.
        case forked = -17
        /// A promise inside the engine was broken.
        case `internal` = -18
    }

    public let code: Code
    /// One sentence, without a final full stop.
    public let message: String
    /// The `errno` behind it, or 0.
    public let systemError: Int32

    public init(_ code: Code, _ message: String, systemError: Int32 = 0) {
        self.code = code
        self.message = message
        self.systemError = systemError
    }
}

extension StoreError: CustomStringConvertible {
    public var description: String { message }
}
