import Glibc
import IpldEngine

/// What the host refused of an entry that was made.
struct Refusals {
    var owner: HostError?
    var metadata: HostError?

    mutating func note(_ error: HostError) { if metadata == nil { metadata = error } }
}

/// Gives what was made the metadata of its entry.
///
/// The order matters: a change of owner takes capabilities and set-id bits away, attributes of users can be
/// set only by who may write, and everything changes times.
struct ExportMetadata {
    let usesStatAttribute: Bool
    /// Whether what is made has access lists of the target, which are not the tree's.
    let inheritsAccess: Bool

    /// Of a file or directory that is open for reading or writing; `standIn` is why an empty file stands for
    /// what the entry is.
    func apply(_ entry: Entry, open descriptor: Int32, standIn: HostError? = nil) -> Refusals {
        var refusals = Refusals(metadata: standIn)
        let mode = own(entry, &refusals) { (owner, group) throws(HostError) in
            try Host.setOwner(descriptor, owner, group)
        }
        setAttributes(
            of: entry, .descriptor(descriptor), &refusals,
            isOverridden: usesStatAttribute && (refusals.owner != nil || standIn != nil))
        do throws(HostError) {
            try Host.setMode(descriptor, mode)
            try Host.setTime(descriptor, [], entry.modified)
        } catch { refusals.note(error) }
        return refusals
    }

    /// Of what is no file and no directory: the name that was just made in an open directory.
    func apply(_ entry: Entry, _ directory: HostDirectory, _ name: [UInt8]) -> Refusals {
        var refusals = Refusals()
        do throws(HostError) {
            // From here on this is what is changed, whatever the name names by then.
            let made = HostFile(try Host.open(directory.descriptor, name, .none))
            let status = try Host.status(made.descriptor)
            guard status.kind == HostStatus.Kind(entry.kind), status.owner == Host.user else {
                throw HostError("look at", ESTALE)
            }
            let mode = own(entry, &refusals) { (owner, group) throws(HostError) in
                try Host.setOwner(made.descriptor, owner, group)
            }
            setAttributes(
                of: entry, .name(directory: directory.descriptor, name), &refusals, isOverridden: false)
            if entry.kind != .symlink { try Host.setMode(made.descriptor, mode) }
            try Host.setTime(directory.descriptor, name, entry.modified)
        } catch { refusals.note(error) }
        return refusals
    }

    /// Sets the owner, or at least the group; the mode that goes with what was possible.
    private func own(
        _ entry: Entry, _ refusals: inout Refusals, _ set: (UInt32, UInt32) throws(HostError) -> Void
    ) -> UInt16 {
        do throws(HostError) {
            try set(entry.owner, entry.group)
            return entry.mode
        } catch {
            refusals.owner = error
            try? set(.max, entry.group)
            // They would lend the rights of another owner than the one meant.
            return entry.kind == .directory ? entry.mode : entry.mode & ~0o6000
        }
    }

    private func setAttributes(
        of entry: Entry, _ holder: AttributeHolder, _ refusals: inout Refusals, isOverridden: Bool
    ) {
        if inheritsAccess, entry.kind != .symlink {
            do throws(HostError) { try Host.removeAccessLists(holder) } catch { refusals.note(error) }
        }
        for (name, value) in entry.attributes.elements {
            // What is no byte string is no attribute of a host.
            guard case .bytes(let bytes) = value, Host.isKept(name) else { continue }
            do throws(HostError) { try Host.setAttribute(holder, name, bytes) } catch {
                refusals.note(error)
            }
        }
        guard isOverridden, let value = StatAttribute.value(of: entry) else { return }
        do throws(HostError) { try Host.setAttribute(holder, StatAttribute.name, value) } catch {
            refusals.note(error)
        }
    }
}

extension HostStatus.Kind {
    init?(_ kind: Entry.Kind) {
        switch kind {
        case .file: self = .file
        case .directory: self = .directory
        case .symlink: self = .symlink
        case .fifo: self = .fifo
        case .socket: self = .socket
        case .characterDevice: self = .characterDevice
        case .blockDevice: self = .blockDevice
        case .cidLink, .tombstone: return nil
        }
    }
}

extension Host {
    /// Takes away the access lists that something new has from the directory it is in.
    static func removeAccessLists(_ holder: AttributeHolder) throws(HostError) {
        for name in accessLists {
            do throws(HostError) { try removeAttribute(holder, name) } catch {
                guard [ENODATA, EOPNOTSUPP, ENOSYS].contains(error.code) else { throw error }
            }
        }
    }
}
