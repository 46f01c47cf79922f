/// Sizes at which the engine does what it does rarely. Constants, but for tests, which lower them while no
/// store is open, so that rare things happen often.
package enum Bounds {
    /// A stage is entered in one index transaction; at any of these it is.
    nonisolated(unsafe) package static var stageBlocks = 64 << 10
    nonisolated(unsafe) package static var stageBytes = 2 << 30
    nonisolated(unsafe) package static var stageLinks = 512 << 10
    /// A pack that has reached this is not appended to.
    nonisolated(unsafe) package static var fullPackBytes: UInt64 = 256 << 20
    /// A pack is worth compacting when it takes this much more than twice its live records.
    nonisolated(unsafe) package static var compactionBytes: UInt64 = 1 << 20
    /// A journal longer than this, and four times its last rewrite, is rewritten.
    nonisolated(unsafe) package static var journalBytes: UInt64 = 1 << 20
}
