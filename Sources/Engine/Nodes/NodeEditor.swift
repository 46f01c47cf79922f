/// A change of one map or list.
public enum NodeChange: Sendable {
    /// Gives a map's key a value, whether it had one or not.
    case set(key: String, IPLDValue)
    /// Takes a key from a map that has it.
    case remove(key: String)
    /// Puts values in the place of a list's elements: of none, to insert; no values, to remove. Positions
    /// are those before any change.
    case replace(Range<Int>, with: [IPLDValue])
}

/// Changes a map or list inside a value of any size, at the cost of the path to it and of the change.
///
/// What always holds: what comes out is what `NodeWriter.put` gives for the changed value, since every part
/// is stored by its rules: a tree that has become small enough is read and stored as a block.
struct NodeEditor {
    private let batch: Batch
    private let writer: NodeWriter
    private let changes: [NodeChange]
    private let reader: NodeReader<Batch>

    init(_ batch: Batch, _ changes: [NodeChange], limits: ProllyLimits = .standard) {
        self.batch = batch
        self.changes = changes
        writer = NodeWriter(batch: batch, limits: limits)
        reader = NodeReader(source: batch)
    }

    /// A changed value: in memory where its encoding fits a block, else a tree that is stored.
    private enum Edited {
        case value(IPLDValue)
        case tree(CID, size: UInt64)
    }

    func run(_ cid: CID, at path: [String]) throws(StoreError) -> CID {
        try edit(link: cid, path[...], NodePathPosition(cid), links: 0)
    }

    /// The CID of what becomes of the node that a link names.
    @inline(never)
    private func edit(link cid: CID, _ path: ArraySlice<String>, _ position: NodePathPosition, links: Int)
        throws(StoreError) -> CID
    {
        guard links < IPLDValue.maximumDepth else {
            throw StoreError(.invalid, "too many links follow one another")
        }
        let opened = try reader.open(cid)
        switch try edit(cid, opened, path, position, depth: 0, links: links) {
        case .tree(let cid, _): return cid
        case .value(let value): return try writer.put(value)
        }
    }

    @inline(never)
    private func edit(
        _ cid: CID, _ opened: NodeReader<Batch>.Opened, _ path: ArraySlice<String>,
        _ position: NodePathPosition, depth: Int, links: Int
    ) throws(StoreError) -> Edited {
        switch opened {
        case .value(let value, _):
            return .value(try edit(value, path, position, depth: depth, links: links))
        case .string:
            guard let segment = path.first else { throw Self.notAContainer }
            throw position.notFound(segment, "it is neither a map nor a list")
        case .tree(let node):
            guard depth < IPLDValue.maximumDepth else {
                throw StoreError(.corrupt, "the node \(cid) is nested too deep")
            }
            var cursor = ProllyCursor(cid, node, batch)
            guard let segment = path.first else {
                let splices = try changeSplices(&cursor, depth: depth + 1)
                return try apply(splices, cursor, depth: depth)
            }
            let (leaf, item) = try NodeReader.find(&cursor, segment, position)
            let old = try leaf.withValue(item) { (value) throws(StoreError) in NodeSlot(value) }
            let new = try edit(
                old, path.dropFirst(), position, segment, depth: depth + 1, links: links)
            // Where the leaf stands was found on the way.
            let index = try Self.index(of: item, in: leaf, &cursor, segment)
            let splice = ProllySplice(
                range: index..<(index + 1), elements: [(leaf.key(item), new)])
            return try apply([splice], cursor, depth: depth)
        }
    }

    /// The slot of what becomes of an element.
    @inline(never)
    private func edit(
        _ slot: NodeSlot, _ path: ArraySlice<String>, _ parent: NodePathPosition, _ segment: String,
        depth: Int, links: Int
    ) throws(StoreError) -> NodeSlot {
        var position = parent
        position.go(segment)
        let edited: Edited
        switch slot {
        case .inline(let encoded):
            let value = try encoded.withBytes { (encoded) throws(StoreError) in
                try NodeReader<Batch>.decode(encoded, depth: depth)
            }
            edited = .value(try edit(value, path, position, depth: depth, links: links))
        case .link(let cid, let size):
            let opened = try reader.openElement(cid, size: size, depth: depth)
            edited = try edit(cid, opened, path, position, depth: depth, links: links)
        }
        switch edited {
        case .tree(let cid, let size): return .link(cid, size: size)
        case .value(let value): return try writer.slot(value, depth: depth)
        }
    }

    /// What becomes of a value in memory.
    @inline(never)
    private func edit(
        _ value: IPLDValue, _ path: ArraySlice<String>, _ position: NodePathPosition, depth: Int, links: Int
    ) throws(StoreError) -> IPLDValue {
        if case .link(let cid) = value {
            return .link(try edit(link: cid, path, position, links: links + 1))
        }
        guard let segment = path.first else { return try changed(value) }
        let child = try NodeReader<Batch>.child(of: value, segment, position)
        var below = position
        below.go(segment)
        let new = try edit(child, path.dropFirst(), below, depth: depth + 1, links: links)
        switch value {
        case .map(var map):
            map[segment] = new
            return .map(map)
        case .list(var list):
            // The child was found there.
            if let index = Int(segment) { list[index] = new }
            return .list(list)
        default: return value
        }
    }

    private static func index(
        of item: Int, in leaf: ProllyNode, _ cursor: inout ProllyCursor<Batch>, _ segment: String
    ) throws(StoreError) -> UInt64 {
        if leaf.kind == .list, let index = UInt64(segment) { return index }
        return try Array(segment.utf8).withBytes { (key) throws(StoreError) in try cursor.find(key).index }
    }

    /// The changed tree, as a block's value where it fits one.
    private func apply(_ splices: [ProllySplice], _ cursor: ProllyCursor<Batch>, depth: Int)
        throws(StoreError) -> Edited
    {
        let (root, size) = try writer.edit(cursor, splices)
        guard size <= UInt64(writer.limits.blockBytes) else { return .tree(root, size: size) }
        return .value(try reader.value(root, limit: .max))
    }

    private static var notAContainer: StoreError {
        StoreError(.invalid, "only a map or a list can be changed")
    }
}

/// The changes themselves.
extension NodeEditor {
    private struct KeyChange {
        let key: String
        let value: IPLDValue?
        /// Whether the first change of the key removes it.
        let mustExist: Bool
    }

    /// A map's changes, the last for each key, in the order of the keys.
    private func keyChanges() throws(StoreError) -> [KeyChange] {
        var sorted: [(change: KeyChange, order: Int)] = []
        for (order, change) in changes.enumerated() {
            switch change {
            case .set(let key, let value):
                sorted.append((KeyChange(key: key, value: value, mustExist: false), order))
            case .remove(let key): sorted.append((KeyChange(key: key, value: nil, mustExist: true), order))
            case .replace: throw StoreError(.invalid, "it is a map: set or remove keys")
            }
        }
        sorted.sort { (a, b) in
            let order = IPLDMap.compareKeys(a.change.key, b.change.key)
            return order != 0 ? order < 0 : a.order < b.order
        }
        var merged: [KeyChange] = []
        for (change, _) in sorted {
            var mustExist = change.mustExist
            if let previous = merged.last, IPLDMap.compareKeys(previous.key, change.key) == 0 {
                mustExist = previous.mustExist
                merged.removeLast()
            }
            merged.append(KeyChange(key: change.key, value: change.value, mustExist: mustExist))
        }
        return merged
    }

    /// A list's changes in the order of their places.
    private func rangeChanges(count: UInt64) throws(StoreError) -> [(range: Range<Int>, values: [IPLDValue])]
    {
        var sorted: [(range: Range<Int>, values: [IPLDValue], order: Int)] = []
        for (order, change) in changes.enumerated() {
            guard case .replace(let range, let values) = change else {
                throw StoreError(.invalid, "it is a list: replace elements")
            }
            guard range.lowerBound >= 0, UInt64(range.upperBound) <= count else {
                let place = range.isEmpty ? "place" : "element"
                throw StoreError(
                    .notFound, "the list has no \(place) \(range.lowerBound): it has \(count) elements")
            }
            sorted.append((range, values, order))
        }
        sorted.sort {
            ($0.range.lowerBound, $0.range.upperBound, $0.order) < (
                $1.range.lowerBound, $1.range.upperBound, $1.order
            )
        }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.range.upperBound > b.range.lowerBound {
            throw StoreError(.invalid, "the changes of a list overlap: \(a.range) and \(b.range)")
        }
        return sorted.map { ($0.range, $0.values) }
    }

    private func missing(_ key: String) -> StoreError {
        StoreError(.notFound, "the map has no key \"\(key)\" to remove")
    }

    /// A map or list in memory, changed.
    private func changed(_ value: IPLDValue) throws(StoreError) -> IPLDValue {
        switch value {
        case .map(var map):
            for change in try keyChanges() {
                guard !change.mustExist || map[change.key] != nil else { throw missing(change.key) }
                map[change.key] = change.value
            }
            return .map(map)
        case .list(var list):
            for (range, values) in try rangeChanges(count: UInt64(list.count)).reversed() {
                list.replaceSubrange(range, with: values)
            }
            return .list(list)
        default: throw Self.notAContainer
        }
    }

    /// The changes of a tree. New elements stand inside `depth` lists and maps.
    private func changeSplices(_ cursor: inout ProllyCursor<Batch>, depth: Int) throws(StoreError)
        -> [ProllySplice]
    {
        var splices: [ProllySplice] = []
        if cursor.kind == .list {
            for (range, values) in try rangeChanges(count: cursor.count) {
                var elements: [(key: [UInt8], value: NodeSlot)] = []
                for value in values { elements.append(([], try writer.slot(value, depth: depth))) }
                splices.append(
                    ProllySplice(
                        range: UInt64(range.lowerBound)..<UInt64(range.upperBound), elements: elements))
            }
            return splices
        }
        for change in try keyChanges() {
            let key = Array(change.key.utf8)
            let found = try key.withBytes { (key) throws(StoreError) in try cursor.find(key) }
            guard found.isThere || !change.mustExist else { throw missing(change.key) }
            var elements: [(key: [UInt8], value: NodeSlot)] = []
            if let value = change.value { elements.append((key, try writer.slot(value, depth: depth))) }
            splices.append(
                ProllySplice(range: found.index..<(found.index + (found.isThere ? 1 : 0)), elements: elements)
            )
        }
        return splices
    }
}

extension Batch {
    /// Changes the map or list at a path of a value: the CID of the changed value, which is the one that
    /// `putNode` of it gives. Costs the path and the change, not the value. Links on the path are gone
    /// through, and name what became of their nodes. NOT_FOUND where the path, or a key or element to remove,
    /// is not there; INVALID for what is no map or list, or for changes of another kind or that overlap. Of
    /// several changes of one key the last counts.
    public func editNode(_ cid: CID, at path: [String] = [], _ changes: [NodeChange]) throws(StoreError)
        -> CID
    {
        try step { () throws(StoreError) in try NodeEditor(self, changes).run(cid, at: path) }
    }
}
