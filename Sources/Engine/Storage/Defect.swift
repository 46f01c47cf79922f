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

    #if DEFECTS
        /// What IPLDSTORE_DEFECT names, of this process and its children.
        private static let chosen = getenv("IPLDSTORE_DEFECT").flatMap {
            Defect(rawValue: String(cString: $0))
        }

        package var isPresent: Bool { self == Self.chosen }
        package static let isBuild = true
    #else
        @inline(__always) package var isPresent: Bool { false }
        package static let isBuild = false
    #endif

    @inline(__always) static var isGivingBackAtOnce: Bool {
        spaceIsGivenBackAtOnce.isPresent || loansAreReturnedAtOnce.isPresent
    }
}
