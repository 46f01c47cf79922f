import IpldEngine

/// What is known of a tree of the host before it is imported: how much there is, and which names are names of
/// one file. That has to be known before the first of them is stored, because a group's number is its first
/// path's, which is not the path that a walk meets first; or of names of type `merkle-crdt`, one that they
/// had (`HardLinkNumbers`).
struct ImportSurvey {
    private(set) var entries: UInt64 = 0
    private(set) var bytes: UInt64 = 0
    private(set) var numbers = HardLinkNumbers()
    /// What it could not look at, by the path with a zero behind each name: files there may have other names
    /// that are not known.
    private(set) var refused: [[UInt8]: HostError] = [:]

    /// `places`: what the tree before has.
    init(
        _ root: HostDirectory, _ limits: HostWalk.Limits, _ places: OldPlaces,
        step: (UInt64) throws(StoreError) -> Void
    ) throws(StoreError) {
        var places = places
        let walk: HostWalk
        do throws(HostError) { walk = try HostWalk(root, limits) } catch { throw error.storeError(".") }
        while true {
            let next: HostWalk.Step?
            do throws(HostError) { next = try walk.next() } catch {
                throw error.storeError(FilePath(components: walk.components).description)
            }
            guard let next else { break }
            switch next {
            case .enter(let entry, _):
                entries += 1
                places.enter(entry.name)
            case .leave: places.leave()
            case .file(let entry):
                entries += 1
                if entry.status.kind == .file { bytes = bytes &+ entry.status.size }
                if entry.status.links > 1 {
                    try numbers.add(
                        entry.status, walk.path(entry.name).bytes, try places.entry(entry.name))
                } else if let old = try places.entry(entry.name, onlyWhereNumbersStay: true) {
                    try numbers.addAlone(entry.status, old)
                }
            // Said when it is imported, if it is so then still.
            case .refused(let name, _, let error):
                try places.eachHardLink(below: name) { (old) throws(StoreError) in
                    try numbers.addUnread(old)
                }
                refused[(walk.components + [name]).flatMap { $0.bytes + [0] }] = error
            case .nameless: break
            }
            if entries % 256 == 0 { try step(entries) }
        }
        try numbers.settle()
    }
}
