/// Where tests have calls on the host fail.
import IpldEngine
import Synchronization

/// A call that is about to be made.
package struct HostCall: Sendable {
    package enum Kind: Sendable, CaseIterable {
        case open, status, list, readLink, read, write, setLength, flush, make, link, rename, remove
        case setMode, setOwner, setTime, readAttribute, changeAttribute, lock
    }

    package let kind: Kind
    /// What it is about, or the open directory that has its name.
    package let descriptor: Int32
}

package enum HostFaults {
    private static let isWatched = Atomic<Bool>(false)
    private static let hook = Lock<Hook?>(nil)

    /// In a class, because a function that is read from a generic place is wrapped once more each time.
    private final class Hook: Sendable {
        let body: @Sendable (HostCall) -> Fault

        init(_ body: @escaping @Sendable (HostCall) -> Fault) { self.body = body }
    }

    /// What a hook makes of each call from now on, on any thread; nil ends that. Without one a call costs a
    /// look at a flag.
    package static func watch(_ body: (@Sendable (HostCall) -> Fault)?) {
        hook.withLock { $0 = body.map(Hook.init) }
        isWatched.store(body != nil, ordering: .releasing)
    }

    @inline(__always)
    static func fault(_ kind: HostCall.Kind, _ descriptor: Int32) -> Fault {
        guard isWatched.load(ordering: .relaxed) else { return .none }
        let hook = hook.withLock { $0 }
        return hook?.body(HostCall(kind: kind, descriptor: descriptor)) ?? .none
    }
}
