import Glibc
import IpldEngine

/// What the walk meets, made into events: which files have to be read, what the tree before has of a name,
/// and what is gone.
extension TreeImport {
    func schedule(_ step: HostWalk.Step) throws(StoreError) {
        switch step {
        case .leave:
            try scheduleRemoved(before: nil)
            oldLevels.removeLast()
            events.append(ImportEvent(.leave))
        case .enter(let entry, let directory):
            let old = try old(entry.name)
            var event = ImportEvent(.enter, entry.name, entry.status, old)
            let key = (oldLevels.last?.key ?? []) + entry.name.bytes + [0]
            event.unsurveyed = unsurveyed[key]
            do throws(HostError) {
                event.attributes = try directory.attributes()
            } catch { event.failure = error }
            events.append(event)
            let below = old?.isTombstone == false ? old?.below : nil
            oldLevels.append(
                try OldLevel(below, source, key: key, mayBeLost: options.readsEverything))
        case .refused(let name, let status, let error):
            var event = ImportEvent(.refused, name, status, try old(name))
            event.failure = error
            events.append(event)
        case .nameless(let bytes):
            var event = ImportEvent(.nameless(bytes))
            event.failure = HostError("name", EINVAL)
            events.append(event)
        case .file(let entry): try schedule(entry)
        }
    }

    private func schedule(_ entry: HostEntry) throws(StoreError) {
        let old = try old(entry.name)
        var event = ImportEvent(.other, entry.name, entry.status, old)
        event.key = (oldLevels.last?.key ?? []) + entry.name.bytes + [0]
        event.unsurveyed = unsurveyed[event.key]
        if builder.isLaterName(entry.status) {
            // All that is to know of the file is known from its first name.
            event.kind = .laterName
            events.append(event)
            return
        }
        guard entry.status.kind == .file else {
            do throws(HostError) {
                let (directory, name) = (entry.directory.descriptor, entry.name.bytes)
                if entry.status.kind == .symlink { event.target = try Host.target(directory, name) }
                event.attributes = try Host.attributes(.name(directory: directory, name))
            } catch {
                if error.code == ENOENT { return try scheduleGone(event) }
                event.failure = error
                event.kind = .refused
            }
            events.append(event)
            return
        }
        if let old, try isKnown(entry.status, old, event.key) {
            event.kind = .known
            events.append(event)
            return
        }
        if entry.status.size > UInt64(ImportParcel.capacity)
            || entry.status.isSparse && entry.status.size >= Self.sparseSize
        {
            event.kind = .large(entry)
            heldDirectories += 1
            events.append(event)
            return
        }
        event.kind = try schedule(parcel: entry)
        events.append(event)
    }

    /// What is not there any more is removed, if it ever was here.
    private func scheduleGone(_ event: ImportEvent) throws(StoreError) {
        guard event.old != nil else { return }
        var event = event
        event.kind = .gone
        events.append(event)
    }

    private func schedule(parcel entry: HostEntry) throws(StoreError) -> ImportEvent.Kind {
        while true {
            let parcel = try openParcel()
            if let position = parcel.add(entry) { return .parcel(parcel, position) }
            submit()
        }
    }

    private func openParcel() throws(StoreError) -> ImportParcel {
        if let open { return open }
        if parcels == 0 {
            try queue.start(threads: workers) { { (parcel) in parcel.read() } }
        }
        // One being filled, one in each worker's hands and one waiting for each.
        while idle.isEmpty, parcels >= 2 * workers + 1 { try drain(waiting: true) }
        if idle.isEmpty { parcels += 1 }
        let parcel = idle.popLast() ?? ImportParcel(batch)
        open = parcel
        return parcel
    }

    func submit() {
        guard let parcel = open else { return }
        open = nil
        queue.submit(parcel)
    }

    /// What the tree before has of a name; names before it that are not on the host are removed.
    private func old(_ name: FileName) throws(StoreError) -> Entry? {
        try scheduleRemoved(before: name)
        guard var level = oldLevels.popLast() else { return nil }
        defer { oldLevels.append(level) }
        guard let (found, entry) = try level.next(), found == name else { return nil }
        level.pass()
        return entry
    }

    func scheduleRemoved(before name: FileName?) throws(StoreError) {
        guard var level = oldLevels.popLast() else { return }
        defer { oldLevels.append(level) }
        while let (found, entry) = try level.next() {
            if let name, found >= name { return }
            level.pass()
            events.append(ImportEvent(.gone, found, nil, entry))
        }
    }

    /// Whether a file is what it was when it was last imported.
    private func isKnown(_ status: HostStatus, _ old: Entry, _ key: [UInt8]) throws(StoreError) -> Bool {
        guard case .file(let content) = old.content, let record = try seen?.record(key),
            record == SeenFile(status), options.usesStatAttribute || old.modified == status.modified,
            content.size == status.size
        else { return false }
        guard case .stored(let cid, _) = content else { return true }
        return try batch.mayRely(on: [cid])[0]
    }
}
