import IpldEngine

/// One tree over another, as layers of images and overlay file systems are.
///
/// What always holds: a name of the layer stands, with its tombstone too, which hides what the base has
/// there; a name that the layer does not have is the base's. Two directories are one, with the layer's
/// metadata, unless the layer's has the attribute `trusted.overlay.opaque` or `user.overlay.opaque` of value
/// "y": then nothing of the base shows in it. The cost is that of the layer.
struct Overlay {
    private final class Level {
        let name: FileName?
        let base: Entry
        let layer: Entry
        var baseMap: DirectoryMap
        var layerMap: DirectoryMap
        var position: UInt64 = 0
        var edit: DirectoryEdit

        init(_ name: FileName?, _ base: Entry, _ layer: Entry, _ source: TreeSource) throws(StoreError) {
            self.name = name
            self.base = base
            self.layer = layer
            baseMap = try DirectoryMap(base.below ?? Directory(), source)
            layerMap = try DirectoryMap(layer.below ?? Directory(), source)
            edit = DirectoryEdit(base.below ?? Directory())
        }
    }

    /// The union of two roots.
    static func union(_ base: Entry, _ layer: Entry, _ source: TreeSource) throws(StoreError) -> Entry {
        guard merges(base, layer) else { return layer }
        let batch = try source.changing()
        var levels = [try Level(nil, base, layer, source)]
        while let level = levels.last {
            guard level.position < level.layerMap.count else {
                levels.removeLast()
                var result = level.layer
                let isUnchanged = level.edit.isEmpty
                result.content = .directory(
                    isUnchanged ? level.base.below ?? Directory() : try level.edit.apply(batch))
                guard let parent = levels.last, let name = level.name else { return result }
                try parent.edit.set(name, from: level.base, to: result)
                continue
            }
            let (name, above) = try level.layerMap.entry(at: level.position)
            level.position += 1
            let below = try level.baseMap.entry(name)
            if let below, merges(below, above) {
                guard levels.count < Workspace.maximumDepth else {
                    throw StoreError(.tooLarge, "a tree is more than \(Workspace.maximumDepth) deep")
                }
                levels.append(try Level(name, below, above, source))
            } else if below != above {
                try level.edit.set(name, from: below, to: above)
            }
        }
        return layer
    }

    private static func merges(_ base: Entry, _ layer: Entry) -> Bool {
        base.isDirectory && layer.isDirectory
            && !["trusted", "user"].contains {
                layer.attributes[Array("\($0).overlay.opaque".utf8)] == .bytes([UInt8(ascii: "y")])
            }
    }
}

extension FileSystem {
    /// A workspace of one tree over another; each is named by a version, a tree or a directory's map. What
    /// the layer has a tombstone for is not shown, and stays a tombstone. `progress` hears of the blocks that
    /// were read.
    public func overlay(_ layer: CID, over base: CID, progress: StepHandler? = nil) throws(StoreError)
        -> Workspace
    {
        let source = try TreeSource(store, StepCounter(progress))
        defer { source.steps = nil }
        let root = try Overlay.union(try source.root(of: base), try source.root(of: layer), source)
        return Workspace(source, root, version: nil)
    }
}
