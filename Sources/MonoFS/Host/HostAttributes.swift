/// Extended attributes of the host's files.
import CSystem
import Glibc
import IpldEngine

/// What has attributes: something open, or a name in an open directory.
enum AttributeHolder {
    case descriptor(Int32)
    /// Reached through the link of the directory's descriptor in /proc: the directory is the one that is
    /// open, and the name is not followed.
    case name(directory: Int32, [UInt8])

    fileprivate var descriptor: Int32 {
        switch self {
        case .descriptor(let descriptor), .name(let descriptor, _): descriptor
        }
    }

    fileprivate func withPath<T>(_ directory: Int32, _ name: [UInt8], _ body: (UnsafePointer<CChar>) -> T)
        -> T
    {
        Host.withName(Array("/proc/self/fd/\(directory)/".utf8) + name, body)
    }
}

extension Host {
    /// Attributes that belong to a tree: those of users, of security, trusted ones, and access lists. What
    /// else a file system shows under "system." is its own.
    static func isKept(_ name: [UInt8]) -> Bool {
        for prefix in ["user.", "security.", "trusted."] where name.starts(with: prefix.utf8) { return true }
        return accessLists.contains(name)
    }

    static let accessLists = ["system.posix_acl_access", "system.posix_acl_default"].map { Array($0.utf8) }

    /// The kept attributes; none where the file system has none.
    static func attributes(_ holder: AttributeHolder) throws(HostError) -> [(name: [UInt8], value: [UInt8])] {
        let names: [[UInt8]]
        do throws(HostError) { names = try attributeNames(holder) } catch {
            guard error.code == EOPNOTSUPP || error.code == ENOSYS else { throw error }
            return []
        }
        var found: [(name: [UInt8], value: [UInt8])] = []
        for name in names where isKept(name) {
            do throws(HostError) { found.append((name, try attribute(holder, name))) } catch {
                // It went meanwhile, or the list shows what only others may read.
                guard [ENODATA, EOPNOTSUPP].contains(error.code) else { throw error }
            }
        }
        return found
    }

    private static func attributeNames(_ holder: AttributeHolder) throws(HostError) -> [[UInt8]] {
        let list = try grown(holder) { (buffer) in
            switch holder {
            case .descriptor(let descriptor):
                ipsys_open_attribute_names(descriptor, buffer.baseAddress, buffer.count)
            case .name(let directory, let name):
                holder.withPath(directory, name) {
                    ipsys_attribute_names($0, buffer.baseAddress, buffer.count)
                }
            }
        }
        return list.split(separator: 0).map(Array.init)
    }

    static func attribute(_ holder: AttributeHolder, _ attribute: [UInt8]) throws(HostError) -> [UInt8] {
        try grown(holder) { (buffer) in
            withName(attribute) { (attribute) in
                switch holder {
                case .descriptor(let descriptor):
                    ipsys_open_attribute(descriptor, attribute, buffer.baseAddress, buffer.count)
                case .name(let directory, let name):
                    holder.withPath(directory, name) {
                        ipsys_attribute($0, attribute, buffer.baseAddress, buffer.count)
                    }
                }
            }
        }
    }

    /// What a call writes, however much that is: at most 64 KiB, as Linux has it.
    private static func grown(
        _ holder: AttributeHolder, _ call: (UnsafeMutableRawBufferPointer) -> Int64
    ) throws(HostError) -> [UInt8] {
        var capacity = 512
        while true {
            var bytes: [UInt8] = []
            do throws(HostError) {
                _ = try check(.readAttribute, holder.descriptor, "read the attributes of") { () -> Int64 in
                    var result: Int64 = 0
                    bytes = [UInt8](unsafeUninitializedCapacity: capacity) { (buffer, count) in
                        result = call(UnsafeMutableRawBufferPointer(buffer))
                        count = max(0, min(capacity, Int(result)))
                    }
                    return result
                }
                return bytes
            } catch {
                guard error.code == ERANGE, capacity < 1 << 20 else { throw error }
                capacity *= 16
            }
        }
    }

    static func setAttribute(_ holder: AttributeHolder, _ name: [UInt8], _ value: [UInt8]) throws(HostError) {
        let action = "set the attribute \(FileText.of(name)) of"
        _ = try check(.changeAttribute, holder.descriptor, action) {
            value.withUnsafeBytes { (value) in
                withName(name) { (attribute) in
                    switch holder {
                    case .descriptor(let descriptor):
                        ipsys_set_open_attribute(descriptor, attribute, value.baseAddress, value.count)
                    case .name(let directory, let name):
                        holder.withPath(directory, name) {
                            ipsys_set_attribute($0, attribute, value.baseAddress, value.count)
                        }
                    }
                }
            }
        }
    }

    static func removeAttribute(_ holder: AttributeHolder, _ name: [UInt8]) throws(HostError) {
        let action = "remove the attribute \(FileText.of(name)) of"
        _ = try check(.changeAttribute, holder.descriptor, action) {
            withName(name) { (attribute) in
                switch holder {
                case .descriptor(let descriptor): ipsys_remove_open_attribute(descriptor, attribute)
                case .name(let directory, let name):
                    holder.withPath(directory, name) { ipsys_remove_attribute($0, attribute) }
                }
            }
        }
    }
}

/// Byte strings in messages.
enum FileText {
    static func of(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
