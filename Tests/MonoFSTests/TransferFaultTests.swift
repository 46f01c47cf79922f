import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// Each call that an import or export makes on the host fails once: with an errno, interrupted, or short.
///
/// MONOFS_FAULT_STEP says how many calls are passed over between two that fail (29; 1 tries them all).
@Suite struct TransferFaultTests {
    private let fixture: TransferFixture
    private let step = parameter("MONOFS_FAULT_STEP", default: 29)

    init() throws {
        fixture = try TransferFixture()
        try fixture.write("t/small", bytes("a file"))
        try fixture.write("t/d/e/large", [UInt8](repeating: 7, count: 5 << 20))
        try fixture.write("t/d/set", bytes("set"), mode: 0o6755)
        try fixture.write("t/closed/inner", [UInt8](repeating: 1, count: 9000), mode: 0o200)
        #expect(link(fixture.path("t/small"), fixture.path("t/d/linked")) == 0)
        #expect(symlink("small", fixture.path("t/symlink")) == 0)
        #expect(mkfifo(fixture.path("t/fifo"), 0o600) == 0)
        #expect(chmod(fixture.path("t/closed"), 0) == 0)
    }

    /// To close any descriptor of its lock file would drop the locks of a store that this process has open.
    @Test func storesThatAreOpenAreLeftOut() throws {
        try LmdbStore.create(at: fixture.path("t/other"))
        let other = try ContentStore.open(at: fixture.path("t/other"))
        _ = try fixture.importTree("t", to: "beside")
        let workspace = try fixture.files.open(branch: "beside")
        #expect(try workspace.status("small").size == 6)
        #expect(throws: StoreError.self) { try workspace.status("other") }
        #expect(throws: StoreError.self) { try fixture.importTree("t/other", to: "within") }
        #expect(throws: StoreError.self) { try fixture.importTree("t/other/index", to: "within") }
        withExtendedLifetime(other) {}
    }

    @Test(arguments: [Fault.fail(EIO), .fail(ENOSPC), .fail(EMFILE), .fail(EINTR), .short(3)])
    func anImportIsWholeOrSaysWhatIsMissing(fault: Fault) throws {
        let expected = try fixture.importTree("t", to: "expected").tree
        let before = try fixture.facts("t")
        let calls = try Faults(fixture.directory, nil, at: 0).run {
            _ = try fixture.importTree("t", to: "count")
        }
        #expect(calls > 60)
        for number in stride(from: 1 + Int(calls) % step, through: Int(calls), by: step) {
            let branch = "at-\(number)"
            var problems = 0
            var outcome: Result<ImportReport, StoreError>?
            _ = try Faults(fixture.directory, fault, at: number).run {
                do throws(StoreError) {
                    let report = try fixture.files.importDirectory(
                        fixture.path("t"), to: branch, problem: { (_) throws(StoreError) in problems += 1 })
                    outcome = .success(report)
                } catch { outcome = .failure(error) }
            }
            switch try #require(outcome) {
            case .success(let report):
                if report.unread == 0, problems == 0 { #expect(report.tree == expected, "call \(number)") }
                // What is short of descriptors stops: what could not be read then is no tree.
                if Self.isHarmless(fault) || fault.isOfTheProcess { #expect(problems == 0) }
                #expect(try fixture.files.branch(branch) == report.version)
            case .failure(let error):
                #expect([.io, .full].contains(error.code) && !Self.isHarmless(fault), "\(number): \(error)")
                #expect(try fixture.files.branch(branch) == nil)
            }
            try #require(try fixture.facts("t") == before, "call \(number)")
        }
    }

    /// A named defect: they were one file again, with the content of the one that could be read.
    @Test func aFileThatCannotBeReadIsNotOneThatIsLikeIt() throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, .merkleCRDT)
        try fixture.files.commit(workspace, to: "start")
        let moment = timespec(tv_sec: 1000, tv_nsec: 1)
        func write(_ name: String) throws {
            try fixture.write(name, [1])
            try #require(utimensat(AT_FDCWD, fixture.path(name), [moment, moment], 0) == 0)
        }
        try write("u/p")
        try #require(link(fixture.path("u/p"), fixture.path("u/q")) == 0)
        let start = try #require(try fixture.importTree("u", to: "start").version)
        for name in ["u/p", "u/q"] {
            try #require(unlink(fixture.path(name)) == 0)
            try write(name)
        }
        var unread = 0
        for number in 1...8 {
            try fixture.files.fork("at-\(number)", at: start)
            var report: ImportReport?
            _ = try Faults(fixture.directory, .fail(EACCES), at: number, of: .open).run {
                report = try? fixture.files.importDirectory(
                    fixture.path("u"), to: "at-\(number)", problem: { (_) throws(StoreError) in })
            }
            guard let report, report.unread > 0 else { continue }
            unread += 1
            let tree = try fixture.files.open(report.tree)
            #expect(try tree.status("p").hardLink != tree.status("q").hardLink, "call \(number)")
            #expect(try fixture.importTree("u", to: "at-\(number)").isUnchanged)
        }
        #expect(unread == 2)
    }

    /// A named defect: it was a file of its own when the file had got a name that could not be read either.
    @Test(arguments: SyncType.allCases, [false, true])
    func aNameThatCannotBeReadStaysWhatNamesAreThatNobodySees(sync: SyncType, isTouched: Bool) throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, sync)
        try fixture.files.commit(workspace, to: "start")
        try fixture.write("u/b", [1])
        try fixture.write("u/d/x/other", [2])
        try #require(link(fixture.path("u/b"), fixture.path("u/d/x/c")) == 0)
        let start = try fixture.files.open(try #require(try fixture.importTree("u", to: "start").version))
        try #require(link(fixture.path("u/b"), fixture.path("u/a")) == 0)
        if isTouched {
            let moment = timespec(tv_sec: 2000, tv_nsec: 1)
            try #require(utimensat(AT_FDCWD, fixture.path("u/b"), [moment, moment], 0) == 0)
        }
        var report: ImportReport?
        _ = try Faults(fixture.directory, .fail(EACCES), of: .open, at: "u").run {
            report = try fixture.files.importDirectory(
                fixture.path("u"), to: "start", problem: { (_) throws(StoreError) in })
        }
        #expect(report?.unread == 3)
        let tree = try fixture.files.open(try #require(report).tree)
        for path in ["b", "d/x/c"] as [FilePath] {
            #expect(try tree.status(path) == start.status(path))
        }
    }

    /// A named defect: they were files of their own, as none of them could be what nobody sees.
    @Test(arguments: SyncType.allCases)
    func namesThatCannotBeReadStayOneWithoutWhatNobodySees(sync: SyncType) throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, sync)
        try fixture.files.commit(workspace, to: "start")
        try fixture.write("u/b", [1])
        try fixture.write("u/d/other", [2])
        for name in ["u/c", "u/d/b"] {
            try #require(link(fixture.path("u/b"), fixture.path(name)) == 0)
        }
        let start = try fixture.files.open(try #require(try fixture.importTree("u", to: "start").version))
        try #require(unlink(fixture.path("u/d/b")) == 0)
        var report: ImportReport?
        _ = try Faults(fixture.directory, .fail(EACCES), of: .open, at: "u").run {
            report = try fixture.files.importDirectory(
                fixture.path("u"), to: "start", problem: { (_) throws(StoreError) in })
        }
        #expect(report?.unread == 3)
        let tree = try fixture.files.open(try #require(report).tree)
        let (b, c) = (try tree.status("b"), try tree.status("c"))
        #expect(b.hardLink != nil && b.isSameFile(as: c))
        #expect(try tree.status("d/b") == start.status("d/b") && tree.status("d/b").hardLink != b.hardLink)
    }

    /// A named defect: its names were files of their own where another file was like what it had been.
    @Test(arguments: SyncType.allCases)
    func aFileThatCannotBeReadStaysOneBesideOneThatIsLikeIt(sync: SyncType) throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, sync)
        try fixture.files.commit(workspace, to: "start")
        func write(_ name: String) throws {
            try fixture.write(name, [1])
            try setTime(name, 1000)
        }
        func setTime(_ name: String, _ seconds: Int) throws {
            let moment = timespec(tv_sec: seconds, tv_nsec: 1)
            try #require(utimensat(AT_FDCWD, fixture.path(name), [moment, moment], 0) == 0)
        }
        try write("u/a")
        for name in ["u/b", "u/c"] {
            try #require(link(fixture.path("u/a"), fixture.path(name)) == 0)
        }
        let before = try fixture.files.open(try #require(try fixture.importTree("u", to: "start").version))
        try #require(unlink(fixture.path("u/c")) == 0)
        try write("u/c")
        try setTime("u/a", 2000)
        var report: ImportReport?
        _ = try Faults(fixture.directory, .fail(EACCES), of: .open, at: "u").run {
            report = try fixture.files.importDirectory(
                fixture.path("u"), to: "start", problem: { (_) throws(StoreError) in })
        }
        #expect(report?.unread == 3)
        let tree = try fixture.files.open(try #require(report).tree)
        let (a, b, c) = (try tree.status("a"), try tree.status("b"), try tree.status("c"))
        #expect(a.hardLink != nil && a.isSameFile(as: b) && a.hardLink != c.hardLink)
        #expect(try a.modified == before.status("a").modified)
    }

    /// Named defects: what lies in a directory that cannot be read was one with another file that is like it;
    /// or no longer with the one that it is; a second import made another version.
    @Test(
        arguments: [SyncType.default, .merkleCRDT],
        ["same", "same, and more", "another", "others", "changed"])
    func aNameInADirectoryThatCannotBeReadStaysWhatItIs(sync: SyncType, outside: String) throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, sync)
        try fixture.files.commit(workspace, to: "start")
        let moment = timespec(tv_sec: 1000, tv_nsec: 1)
        func write(_ name: String) throws {
            try fixture.write(name, [1])
            try #require(utimensat(AT_FDCWD, fixture.path(name), [moment, moment], 0) == 0)
        }
        func link(_ name: String) throws {
            try #require(Glibc.link(fixture.path("u/a"), fixture.path("u/" + name)) == 0)
        }
        try write("u/a")
        try fixture.write("u/d/x/other", [2])
        try link("d/x/b")
        if outside == "same, and more" || outside == "changed" { try link("c") }
        let start = try #require(try fixture.importTree("u", to: "start").version)
        let before = try fixture.files.open(start)
        if outside == "another" || outside == "others" {
            try #require(unlink(fixture.path("u/a")) == 0)
            try write("u/a")
            if outside == "others" { try link("c") }
        }
        if outside == "changed" { try #require(chmod(fixture.path("u/a"), 0o600) == 0) }
        var report: ImportReport?
        func importAgain() throws {
            _ = try Faults(fixture.directory, .fail(EACCES), of: .list, at: "u/d/x").run {
                report = try fixture.files.importDirectory(
                    fixture.path("u"), to: "start", problem: { (problem) throws(StoreError) in
                        #expect(problem.path == "d/x")
                    })
            }
            #expect(report?.unread == 1)
        }
        try importAgain()
        let tree = try fixture.files.open(try #require(report).tree)
        #expect(try tree.status("d/x/b") == before.status("d/x/b"))
        let isOne = try tree.status("a").isSameFile(as: tree.status("d/x/b"))
        #expect(isOne == outside.hasPrefix("same"))
        if outside == "same" { #expect(report?.isUnchanged == true) }
        if outside != "same", outside != "another" {
            #expect(try tree.status("a").isSameFile(as: tree.status("c")) && tree.status("c").hardLink != nil)
        }
        try importAgain()
        #expect(report?.isUnchanged == true)
    }

    /// A named defect: its names were files of their own then.
    @Test(arguments: SyncType.allCases) func aFileOfTwoNamesThatCannotBeReadStaysOne(sync: SyncType) throws {
        let workspace = try fixture.files.open(branch: "start")
        try workspace.setSync(.root, sync)
        try fixture.files.commit(workspace, to: "start")
        try fixture.write("u/a", [1])
        try fixture.write("u/alone", [2])
        try fixture.write("u/s/other", [3])
        try #require(link(fixture.path("u/a"), fixture.path("u/s/b")) == 0)
        let start = try #require(try fixture.importTree("u", to: "start").version)
        let before = try fixture.files.open(start)
        // A name that is new, and there is nothing of it to stay.
        try #require(link(fixture.path("u/a"), fixture.path("u/s/more")) == 0)
        for name in ["u/a", "u/alone"] {
            let moment = timespec(tv_sec: 2000, tv_nsec: 1)
            try #require(utimensat(AT_FDCWD, fixture.path(name), [moment, moment], 0) == 0)
        }
        var unread = 0
        for number in 1...10 {
            try fixture.files.fork("at-\(number)", at: start)
            var report: ImportReport?
            var problems: [String] = []
            _ = try Faults(fixture.directory, .fail(EACCES), at: number, of: .open).run {
                report = try? fixture.files.importDirectory(
                    fixture.path("u"), to: "at-\(number)",
                    problem: { (problem) throws(StoreError) in problems.append(problem.error.message) })
            }
            guard let report, report.unread == 3 else { continue }
            unread += 1
            #expect(problems.allSatisfy { $0.contains("Permission denied") }, "\(problems)")
            let tree = try fixture.files.open(report.tree)
            for path in ["a", "s/b"] as [FilePath] {
                #expect(try tree.status(path) == before.status(path), "call \(number)")
            }
        }
        #expect(unread == 1)
    }

    @Test(arguments: [Fault.fail(EIO), .fail(ENOSPC), .fail(EINTR), .short(3)], [false, true])
    func anExportIsWholeOrSaysWhatIsMissing(fault: Fault, isInPlace: Bool) throws {
        let tree = try fixture.importTree("t").tree
        let expected = try fixture.facts("t")
        let beside = try fixture.names()
        var problems: [TransferProblem] = []
        func export() throws(StoreError) -> ExportReport {
            problems = []
            return try fixture.files.exportDirectory(
                of: tree, to: fixture.path("out"),
                problem: { (problem) throws(StoreError) in problems.append(problem) })
        }
        func prepare() throws {
            if try fixture.names() != beside { _ = try HostTree.remove(fixture.path("out")) }
            if isInPlace { try #require(mkdir(fixture.path("out"), 0o751) == 0) }
        }
        try prepare()
        let calls = try Faults(fixture.directory, nil, at: 0).run { _ = try export() }
        #expect(calls > 60)
        for number in stride(from: 1 + Int(calls) % step, through: Int(calls), by: step) {
            try prepare()
            var outcome: Result<ExportReport, StoreError>?
            _ = try Faults(fixture.directory, fault, at: number).run {
                do throws(StoreError) { outcome = .success(try export()) } catch { outcome = .failure(error) }
            }
            switch try #require(outcome) {
            case .success(let report):
                if report.unmade + report.withoutOwner + report.withoutMetadata == 0 {
                    #expect(try fixture.facts("out") == expected, "call \(number)")
                } else {
                    #expect(!Self.isHarmless(fault), "call \(number): \(problems)")
                }
            case .failure(let error):
                #expect([.io, .full].contains(error.code) && !Self.isHarmless(fault), "\(number): \(error)")
                // Of the target, and not of the store, which a caller could take it for.
                #expect(error.code == .io || error.message.hasSuffix(": free space there"), "\(error)")
                if error.message.contains("which is there") {
                    #expect(try fixture.facts("out") == expected)
                    continue
                }
                guard isInPlace else {
                    try #require(try fixture.names() == beside, "call \(number): \(error)")
                    continue
                }
                let left = try HostDirectory(try Host.open(path: fixture.path("out")))
                #expect(try left.names().count == 0 && left.status.mode == 0o751, "call \(number): \(error)")
            }
        }
        try #require(try fixture.facts("t") == expected)
    }

    /// What was a file when it was looked at is a link when it is opened.
    @Test func aLinkThatTakesAPlaceIsNoLoopOfLinks() throws {
        #expect(symlink("nowhere", fixture.path("link")) == 0)
        let directory = try HostDirectory(try Host.open(path: fixture.directory))
        for access in [Host.Access.read, .write, [.read, .untouched]] {
            do throws(HostError) {
                Host.close(try Host.open(directory.descriptor, bytes("link"), access))
                Issue.record("a link was opened")
            } catch {
                let error = error.storeError("link")
                #expect(error.code == .conflict && error.message.hasSuffix("something else took its place"))
            }
        }
        do throws(HostError) {
            _ = try Host.target(directory.descriptor, bytes("t"))
            Issue.record("a directory has a target")
        } catch { #expect(error.storeError("t").message.hasSuffix("something else took its place")) }
        // A loop that a user names is one.
        #expect(symlink("self", fixture.path("self")) == 0)
        do throws(HostError) { Host.close(try Host.open(path: fixture.path("self"))) } catch {
            #expect(error.storeError("self").message.contains("symbolic links"))
        }
    }

    /// A call that is made again, or gone on with, does its work.
    private static func isHarmless(_ fault: Fault) -> Bool {
        switch fault {
        case .fail(EINTR), .short: true
        default: false
        }
    }
}

extension Fault {
    fileprivate var isOfTheProcess: Bool {
        if case .fail(let code) = self { HostError("open", code).isOfTheProcess } else { false }
    }
}

/// Has one of the calls on what is below a directory fail.
private final class Faults: Sendable {
    private let directory: String
    private let fault: Fault?
    private let target: Int
    private let kind: HostCall.Kind?
    private let place: String?
    private let count = Lock(0)

    /// Those under way, by directory: calls of other tests come here too.
    private static let all = Lock<[String: Faults]>([:])
    private static let isWatching: Void = HostFaults.watch { call in
        let watched = all.withLock { $0 }
        guard !watched.isEmpty else { return .none }
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let length = buffer.withUnsafeMutableBytes { bytes in
            guard let room = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return -1 }
            return readlink("/proc/self/fd/\(call.descriptor)", room, bytes.count)
        }
        guard length > 0 else { return .none }
        let path = String(decoding: buffer[..<length], as: UTF8.self)
        return watched.first { path.hasPrefix($0.key) }?.value.decide(call, path) ?? .none
    }

    /// `kind`: calls of other kinds are not counted.
    init(_ directory: String, _ fault: Fault?, at target: Int, of kind: HostCall.Kind? = nil) {
        (self.directory, self.fault, self.target, self.kind) = (directory, fault, target, kind)
        place = nil
    }

    /// All calls of a kind that are on what is open at a place below the directory.
    init(_ directory: String, _ fault: Fault, of kind: HostCall.Kind, at place: String) {
        (self.directory, self.fault, target, self.kind, self.place) = (directory, fault, 0, kind, place)
    }

    /// The calls that `body` made.
    func run(_ body: () throws -> Void) throws -> Int {
        _ = Self.isWatching
        Self.all.withLock { $0[directory] = self }
        defer { Self.all.withLock { $0[directory] = nil } }
        try body()
        return count.withLock { $0 }
    }

    private func decide(_ call: HostCall, _ path: String) -> Fault {
        if let kind, call.kind != kind { return .none }
        if let place { return path.hasSuffix("/" + place) ? fault ?? .none : .none }
        let number = count.withLock { (count) in
            count += 1
            return count
        }
        return number == target ? fault ?? .none : .none
    }
}
