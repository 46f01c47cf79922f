/// Deliberate defects, one at a time, for tests of the tests: each of them must be found by a campaign
/// (`make torture-defects`). A build without DEFECTS has none, and nothing of this is left in it.
#if DEFECTS
    import Glibc
#endif

package enum Defect: String, CaseIterable, Sendable {
    // Durability
    case packsAreNotFlushed
    case journalIsNotFlushed
    case directoriesAreNotFlushed
    case failedFlushIsForgotten
    case writeErrorsAreSwallowed
    case reserveIsNotKept
    case spaceIsGivenBackAtOnce
    case removalsAreNotJournaled
    case openersAreNotAlone
    case deadCommitsAreMissed
    case givenUpPacksAreTaken
    case repairIsNotFlushed
    // Lifetimes
    case incrementIsForgotten
    case decrementIsForgotten
    case childrenAreNotReleased
    case leasesAreIgnored
    case deadLeasesStay
    case deadDuplicatesAreTaken
    // Reading
    case bytesAreNotChecked
    case damageIsAbsence
    case movedBlocksAreNotLookedUpAgain
    // Layers
    case nothingIsLent
    case loansAreReturnedAtOnce
    case forksAreTakenForGone
    case tornNodesAreBorrowed
    case ownDamageIsOverlooked
    // Decoders and edits
    case longFormsAreTaken
    case lengthsAreBelieved
    case lookaheadIsForgotten
    // Merges of file systems
    case theirsIsForgotten
    case removalsAreForgotten
    // The C interface
    case handlesAreKept
    case callsAreNotAlone
    // Over hours
    case blocksAreKept

    #if DEFECTS
        /// What IPLDSTORE_DEFECT names, of this process and its children.
        private static let chosen = getenv("IPLDSTORE_DEFECT").flatMap {
            Defect(rawValue: String(cString: $0))
        }

        package var isPresent: Bool { self == Self.chosen }
        package static let isBuild = true

        private static let kept = Lock<[[UInt8]]>([])

        /// For ever, if that is the defect.
        static func keep(_ bytes: UnsafeRawBufferPointer) {
            if blocksAreKept.isPresent { kept.withLock { $0.append(Array(bytes)) } }
        }
    #else
        @inline(__always) package var isPresent: Bool { false }
        package static let isBuild = false
        @inline(__always) static func keep(_ bytes: UnsafeRawBufferPointer) {}
    #endif

    @inline(__always) static var isGivingBackAtOnce: Bool {
        spaceIsGivenBackAtOnce.isPresent || loansAreReturnedAtOnce.isPresent
    }
}
