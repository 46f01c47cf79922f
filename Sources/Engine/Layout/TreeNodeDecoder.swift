/// Reads inner nodes. There is one walk, so that all who ask about a block get the same answer.
///
/// Nothing is allocated here, and what is read is never believed: a walk takes time in proportion to the
/// block's bytes, whatever they say.
enum TreeNodeDecoder {
    /// Calls `profile` with the profile's UTF-8 and `child` with each child in order, and returns the size
    /// in bytes that the node has. Nil when the block is DAG-CBOR of another shape; what was called before
    /// that is void. Throws `.corrupt` when it is no DAG-CBOR, or has the shape and contradicts itself;
    /// `.unsupported` when it holds a CID that this version cannot represent.
    static func walk(
        _ block: UnsafeRawBufferPointer,
        profile: (UnsafeRawBufferPointer) -> Void,
        child: (CID, UInt64) -> Void
    ) throws(StoreError) -> UInt64? {
        let found: (size: UInt64, check: ChildrenCheck)
        do throws(CodecError) {
            found = try walkShape(block, profile: profile, child: child)
        } catch {
            // Not the shape. What remains to be told is another shape from damage.
            do throws(CodecError) {
                var reader = DagCBORReader(block)
                try reader.skipValue()
                try reader.finish()
                return nil
            } catch {
                let error = StoreError(error)
                throw error.code == .unsupported ? error : corrupt(error.message)
            }
        }
        if let problem = found.check.problem(claimed: found.size) { throw corrupt(problem) }
        return found.size
    }

    /// The walk itself: throws unless the block has exactly the shape.
    private static func walkShape(
        _ block: UnsafeRawBufferPointer,
        profile: (UnsafeRawBufferPointer) -> Void,
        child: (CID, UInt64) -> Void
    ) throws(CodecError) -> (size: UInt64, check: ChildrenCheck) {
        var reader = DagCBORReader(block)
        guard try reader.readMapHeader() == 3 else { throw CodecError(.unexpectedKind, at: 0) }
        try reader.readKey("size")
        let size = try reader.readUnsigned()
        try reader.readKey("profile")
        profile(try reader.readText())
        try reader.readKey("children")
        var check = ChildrenCheck()
        for _ in 0..<(try reader.readListHeader()) {
            try reader.readListHeader(count: 2)
            let cid = try reader.readLink()
            let childSize = try reader.readUnsigned()
            check.add(cid, size: childSize)
            child(cid, childSize)
        }
        try reader.finish()
        return (size, check)
    }

    private static func corrupt(_ what: String) -> StoreError {
        StoreError(.corrupt, "a damaged or forged tree node: \(what)")
    }
}

/// What must hold of a node's children, found out child by child.
private struct ChildrenCheck {
    private var sum: UInt64 = 0
    private var overflowed = false
    private var leaves = 0
    private var subtrees = 0
    private var foreign = 0
    private var emptyChildren = 0
    private var largeLeaves = 0

    mutating func add(_ cid: CID, size: UInt64) {
        let (next, carried) = sum.addingReportingOverflow(size)
        sum = next
        overflowed = overflowed || carried
        if size == 0 { emptyChildren += 1 }
        switch cid.codec {
        case .raw:
            leaves += 1
            if size > UInt64(Block.maximumLength) { largeLeaves += 1 }
        case .dagCBOR: subtrees += 1
        default: foreign += 1
        }
    }

    /// Nil when all holds.
    func problem(claimed size: UInt64) -> String? {
        if leaves + subtrees + foreign == 0 { return "no children" }
        if foreign > 0 { return "a child that is neither a leaf nor a subtree" }
        if leaves > 0, subtrees > 0 { return "leaves beside subtrees" }
        if emptyChildren > 0 { return "a child of no bytes" }
        if largeLeaves > 0 { return "a leaf larger than a block" }
        if overflowed || sum > TreeNode.maximumSize { return "more than 2^63 - 1 bytes" }
        if sum != size { return "it says \(size) bytes, its children have \(sum)" }
        return nil
    }
}
