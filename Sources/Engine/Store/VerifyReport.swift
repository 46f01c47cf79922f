/// What verification found.
public struct VerifyReport: Sendable {
    /// One thing that is not as it must be.
    public struct Problem: Sendable, Equatable {
        public enum Kind: String, Sendable, CaseIterable {
            /// A block's bytes are not what its CID names, or cannot be read.
            case damagedBlock = "damaged_block"
            /// A reference count that content does not bear out.
            case wrongCount = "wrong_count"
            /// The dead queue and the counts disagree.
            case wrongDeadQueue = "wrong_dead_queue"
            /// The count of links to a block that is not here.
            case wrongAbsent = "wrong_absent"
            /// A root, hold or tree names a block that is not here.
            case missingBlock = "missing_block"
            /// A tree whose sizes contradict its children.
            case wrongSize = "wrong_size"
            /// A counter of the store.
            case wrongCounter = "wrong_counter"
            /// A pack row, a watermark, or records that overlap.
            case wrongPack = "wrong_pack"
            /// The journal and the index name different things.
            case wrongJournal = "wrong_journal"
            /// A row of the index that cannot be believed.
            case damagedIndex = "damaged_index"
            /// What a base lends is not held there for this store.
            case wrongLoan = "wrong_loan"
            /// A base holds for this store what nothing here needs; the next collection gives it back.
            case surplusHold = "surplus_hold"
            /// The lease table is not the one that the index knows: nothing is collected.
            case unknownLeaseTable = "unknown_lease_table"
        }

        public let kind: Kind
        /// One sentence.
        public let message: String
        /// The block concerned, if any.
        public let cid: CID?
    }

    /// Blocks read and checked.
    public var blocks: UInt64 = 0
    /// Bytes of those blocks.
    public var rawBytes: UInt64 = 0
    /// The first thousand problems.
    public var problems: [Problem] = []
    /// All of them.
    public var problemCount: UInt64 = 0
    /// Links of nodes that something keeps to blocks that are not here. No problems: a link may come before
    /// what it names. After a repair that lost blocks, what is missing. (That a file's tree lacks a block, or
    /// a root names none, is a problem besides.)
    public var missingLinks: UInt64 = 0
    /// How many blocks those are, and the first thousand of them.
    public var missingBlockCount: UInt64 = 0
    public var missingBlocks: [CID] = []

    public var isClean: Bool { problemCount == 0 }

    /// Problems that are listed, beyond which they are only counted.
    static let reportedProblems = 1000

    package mutating func add(_ kind: Problem.Kind, _ message: String, _ cid: CID? = nil) {
        problemCount += 1
        guard problems.count < Self.reportedProblems else { return }
        problems.append(Problem(kind: kind, message: message, cid: cid))
    }

    public init() {}
}

/// What repair brought back.
public struct RepairReport: Sendable, Equatable {
    /// Blocks in the new index.
    public var blocks: UInt64 = 0
    /// Records whose bytes are damaged and that are left out.
    public var damagedRecords: UInt64 = 0
    public var roots: UInt64 = 0
    public var holds: UInt64 = 0
    /// Roots and holds that name a block which is not here; dropped.
    public var lostNames: UInt64 = 0
    /// Blocks that links name and no pack holds, links of blocks that wait for collection included.
    public var missingBlocks: UInt64 = 0
    /// Roots named `recovered/…`, made because the journal was lost.
    public var recoveredRoots: UInt64 = 0

    public init() {}
}
