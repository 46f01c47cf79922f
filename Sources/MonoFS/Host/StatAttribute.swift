import IpldEngine

/// Ownership, mode and kind that a host refuses, in an attribute of a user: `user.containers.override_stat`,
/// as containers/storage and fuse-overlayfs write and read it, "UID:GID:MODE:KIND" with an octal mode.
enum StatAttribute {
    static let name = Array("user.containers.override_stat".utf8)

    /// The attribute's value for an entry. Nil for a kind that it has no word for.
    static func value(of entry: Entry) -> [UInt8]? {
        let kind: String
        switch entry.content {
        case .file: kind = "file"
        case .directory: kind = "dir"
        case .symlink: kind = "symlink"
        case .fifo: kind = "pipe"
        case .socket: kind = "socket"
        case .characterDevice(let number): kind = "char-\(number.major)-\(number.minor)"
        case .blockDevice(let number): kind = "block-\(number.major)-\(number.minor)"
        case .cidLink, .tombstone: return nil
        }
        return Array("\(entry.owner):\(entry.group):0\(String(entry.mode, radix: 8)):\(kind)".utf8)
    }

    /// Has an entry that was read from the host be what its attribute says, and takes that away. One that
    /// makes no sense is an attribute like any other. Only an empty file can be something else.
    static func apply(to entry: inout Entry) {
        guard case .bytes(let value)? = entry.attributes[name] else { return }
        let fields = value.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard (3...4).contains(fields.count), let owner = UInt32(fields[0]), let group = UInt32(fields[1]),
            let mode = UInt16(fields[2], radix: 8), mode <= 0o7777
        else { return }
        if fields.count == 4, fields[3] != "file", fields[3] != "dir" {
            guard case .file(let content) = entry.content, content.size == 0,
                let special = special(fields[3])
            else { return }
            entry.content = special
        }
        (entry.owner, entry.group, entry.mode) = (owner, group, mode)
        entry.attributes[name] = nil
    }

    private static func special(_ word: String) -> Entry.Content? {
        let parts = word.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        switch parts[0] {
        case "pipe" where parts.count == 1: return .fifo
        case "socket" where parts.count == 1: return .socket
        case "char", "block":
            guard parts.count == 3, let major = UInt32(parts[1]), let minor = UInt32(parts[2]) else {
                return nil
            }
            let number = DeviceNumber(major: major, minor: minor)
            return parts[0] == "char" ? .characterDevice(number) : .blockDevice(number)
        default: return nil
        }
    }
}
