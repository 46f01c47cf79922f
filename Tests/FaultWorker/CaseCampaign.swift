import Glibc
import IpldEngine

/// Cases that have a test of their own, each in a process of its own.
struct CaseCampaign {
    static let cases: [(name: String, body: @Sendable (String, Pool) throws -> Void)] = [
        ("lease-table-deleted-while-open", leaseTableDeleted),
        ("lease-table-replaced-while-open", leaseTableReplaced),
        ("fork-in-the-middle-of-a-batch", forkInBatch),
        ("parent-dies-while-its-fork-lives", parentDies),
        ("reader-of-a-place-that-is-given-back", readerOfGivenBackPlace),
        ("killed-between-commit-and-punch", killedBeforePunch),
        ("stage-whose-commit-fails", failingStage),
        ("a-pack-that-is-made-anew-while-it-is-collected", packMadeAnew),
        ("equal-chunks-across-a-stage", equalChunksAcrossStages),
        ("collection-against-a-batch", collectionAgainstBatch),
        ("index-one-commit-behind", indexBehind),
        ("index-one-commit-behind-a-rewritten-journal", indexBehindRewrittenJournal),
        ("a-first-opener-that-dies", firstOpenerDies),
        ("a-commit-that-dies-before-it-is-seen", unseenCommit),
        ("a-commit-that-dies-before-it-is-seen-in-a-lane", unseenCommitOfLane),
        ("a-commit-that-dies-before-it-is-seen-by-a-layer", unseenCommitOfBase),
        ("index-one-commit-ahead-of-a-cut-pack", indexAhead),
        ("strange-files-in-place-of-packs", strangePacks),
        ("journal-missing", journalMissing),
        ("a-read-error-half-way", readErrorHalfWay),
        ("two-processes-with-one-pid", onePid),
        ("repair-of-an-open-store-whose-index-is-gone", repairWhileOpen),
        ("much-garbage-on-a-full-disk", muchGarbageOnAFullDisk),
        ("a-copy-and-a-repaired-store-on-a-full-disk", copyOnFullDisk),
        ("an-index-that-cannot-grow", indexThatCannotGrow),
        ("files-of-a-stage-that-was-lost", filesOfLostStage),
        ("files-that-come-back", filesThatComeBack),
        ("what-a-fork-takes-on-disk", forkOnDisk),
        ("a-fork-that-is-copied", forkCopied),
        ("a-fork-that-is-renamed", forkRenamed),
        ("a-fork-that-is-unmounted", forkUnmounted),
        ("a-fork-that-may-not-be-read", forkUnreadable),
        ("a-fork-that-is-deleted", forkDeleted),
        ("a-fork-on-another-file-system", forkOnAnotherFileSystem),
        ("a-fork-that-is-forgotten", forkForgotten),
        ("a-fork-that-is-forgotten-while-it-is-opened", forkForgottenWhileOpened),
        ("a-layer-that-dies-while-it-is-flattened", flattenedAndKilled),
        ("a-layer-that-dies-while-it-is-flattened-without-its-base", flattenedWithoutBaseAndKilled),
        ("a-base-of-another-user", baseOfAnotherUser),
        ("a-base-on-a-read-only-mount", baseOnReadOnlyMount),
        ("a-base-that-is-sealed", sealedBase),
        ("a-base-that-is-not-there", baseMissing),
        ("a-base-above-itself", baseCycles),
        ("a-loan-that-the-base-lost", loanLostByBase),
        ("a-loan-that-the-layer-lost", loanLostByLayer),
        ("a-loan-that-died", loanThatDied),
        ("loans-of-repaired-stores", repairedLoans),
        ("files-removed-before-a-power-loss", filesRemovedForGood),
        ("a-lane-without-its-lock", laneWithoutLock),
        ("a-repair-of-what-nobody-flushed", repairOfUnflushedStage),
        ("the-first-layer-of-a-base", firstLayerOfABase),
    ]

    static func run(_ arguments: Arguments) throws -> Int32 {
        let tally = Tally("cases", seed: arguments.seed)
        for (name, _) in cases {
            if let only = arguments.text("only"), only != name { continue }
            tally.point("--only \(name)") {
                let (lines, end) = Processes.wait(try Processes.spawn(["case", "--name", name]))
                for line in lines where line.hasPrefix("skipped") { say("\(name): \(line)") }
                guard end == .exited(0) else { throw Violation("\(name): \(end) \(lines.suffix(2))") }
                tally.count(lines.contains { $0.hasPrefix("skipped") } ? "skipped" : "passed")
            }
        }
        return tally.finish()
    }

    static func child(_ arguments: Arguments) throws -> Int32 {
        let name = try arguments.required("name")
        guard let (_, body) = cases.first(where: { $0.name == name }) else {
            throw Violation("no case \(name)")
        }
        let scratch = try Files.makeScratch()
        defer { Files.removeTree(scratch) }
        alarm(120)
        try body(scratch, try Pool(scratch: scratch))
        return 0
    }

    // MARK: What the cases share

    static func make(_ scratch: String) throws -> (path: String, store: ContentStore) {
        let path = scratch + "/store"
        try LmdbStore.create(at: path, configuration: try Pool.configuration())
        return (path, try ContentStore.open(at: path))
    }

    static func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Violation(what()) }
    }

    static func expectError(_ code: StoreError.Code, _ what: String, _ body: () throws -> Void) throws {
        do { try body() } catch let error as StoreError {
            return try expect(error.code == code, "\(what): \(error.code), not \(code): \(error)")
        }
        throw Violation("\(what): no error")
    }

    /// Runs `body` on the store in a process that ends with it; how that ended.
    static func fork(_ path: String, _ body: (ContentStore) throws -> Void) throws -> Processes.End {
        Processes.reap(try Processes.fork { try body(try ContentStore.open(at: path)) })
    }

    static func inChild(_ path: String, _ body: (ContentStore) throws -> Void) throws {
        let end = try fork(path, body)
        try expect(end == .exited(0), "the child ended: \(end)")
    }

    static func expectSound(_ store: ContentStore) throws {
        let report = try store.verify()
        try expect(report.isClean, "verify: \(report.problems.map(\.message))")
    }

    /// Stores a content under a root of its number, without a hold.
    static func put(_ store: ContentStore, _ pool: Pool, _ content: Int) throws {
        let batch = try store.makeBatch()
        _ = try batch.put(Pool.bytes(content))
        try batch.setRoot("c\(content)", to: pool.cids[content])
        try batch.commit()
    }

    static func expectContent(_ store: ContentStore, _ pool: Pool, _ content: Int) throws {
        try expect(
            try store.contents(of: pool.cids[content]) == Pool.bytes(content), "content \(content) is wrong")
    }
}
