import IpldEngine

extension FileSystem {
    /// As the store's own, and beside that, what branches, their history and tags lack: a link of a tree is
    /// made after what it names, so one to what is not here tells of a loss.
    public func verify(progress: StepHandler? = nil) throws(StoreError) -> VerifyReport {
        var report = try store.verify(progress: progress)
        // Otherwise nothing is missing anywhere.
        guard report.missingLinks > 0 else { return report }
        var walk = LossWalk(store, try TreeSource(store))
        for (name, cid) in try store.roots() {
            for (prefix, what) in [(Self.branchPrefix, "branch"), (Self.tagPrefix, "tag")] {
                guard let name = Self.name(of: name, behind: prefix) else { continue }
                try walk.look(below: cid, of: "the \(what) \(name)")
            }
        }
        // Versions before the newest, of which links are weak.
        for hold in try store.holds() {
            guard let name = Self.name(of: hold.owner, behind: Self.branchPrefix) else { continue }
            try walk.look(below: hold.cid, of: "the history of the branch \(name)")
        }
        for (cid, what) in walk.losses {
            report.add(.missingBlock, "\(what) needs \(cid), which is not here", cid)
        }
        return report
    }
}

/// Looks below CIDs for what is not here, at each block once. What a link to a CID leads to need not be here,
/// nor what is linked to in a value of an attribute.
private struct LossWalk {
    private let store: ContentStore
    private let source: TreeSource
    private var seen: Set<CID> = []
    private(set) var losses: [(cid: CID, what: String)] = []

    init(_ store: ContentStore, _ source: TreeSource) { (self.store, self.source) = (store, source) }

    mutating func look(below start: CID, of what: String) throws(StoreError) {
        var work = [start]
        while let cid = work.popLast() {
            guard seen.insert(cid).inserted else { continue }
            guard cid.codec == .dagCBOR else {
                if try !store.has(cid) { try lost(cid, what) }
                continue
            }
            do throws(StoreError) {
                let free = freeLinks(of: cid)
                for link in try store.links(of: cid) {
                    if !free.contains(link) { work.append(link) } else if try store.isHere(link) {
                        work.append(link)
                    }
                }
            } catch {
                guard error.isLoss else { throw error }
                try lost(cid, what)
            }
        }
    }

    /// Such links of a tree, or of a directory's entries, but for those to what something else in the block
    /// needs; none where an entry cannot be read.
    private func freeLinks(of cid: CID) -> Set<CID> {
        var links = EntryLinks()
        do throws(StoreError) {
            if case .tree(let root)? = try? TreeNodes.open(cid, source) {
                try links.add(root)
                return links.free
            }
            let entry = try? source.withContent(of: cid) { (block) throws(StoreError) in
                try EntryDecoder.decode(block)
            }
            if let entry {
                // A long one, which has a block of its own.
                try links.add(entry)
                return links.free
            }
            var map = try DirectoryMap(map: cid, source)
            // What leads to the entries is needed.
            guard map.byteMap?.isLeaf == true else { return [] }
            for position in 0..<map.count { try links.add(try map.entry(at: position).entry) }
            return links.free
        } catch { return [] }
    }

    /// What is damaged the store has told of.
    private mutating func lost(_ cid: CID, _ what: String) throws(StoreError) {
        if try !store.isHere(cid) { losses.append((cid, what)) }
    }
}

/// What entries of one block link to.
private struct EntryLinks {
    private var needed: Set<CID> = []
    private var optional: Set<CID> = []

    /// Links to what need not be here.
    var free: Set<CID> { optional.subtracting(needed) }

    mutating func add(_ entry: Entry) throws(StoreError) {
        switch entry.content {
        case .cidLink(let target): optional.insert(target)
        case .file(.stored(let cid, _)): needed.insert(cid)
        default: break
        }
        if let map = entry.below?.map { needed.insert(map) }
        for (_, value) in entry.unknown { needed.formUnion(try Self.links(in: value)) }
        for (_, value) in entry.attributes.elements { optional.formUnion(try Self.links(in: value)) }
        for value in entry.replica?.others ?? [] { try add(value.entry) }
        if let removal = entry.replica?.removal { try add(removal) }
    }

    private static func links(in value: IPLDValue) throws(StoreError) -> [CID] {
        if case .bytes = value { return [] }
        do throws(CodecError) {
            return try DagCBOR.encode(value).withBytes { (bytes) throws(CodecError) in
                try DagCBOR.links(in: bytes)
            }
        } catch { throw StoreError(error) }
    }
}
