import CIpldStore
import Foundation
import Glibc
import Testing

/// Directories that come in and go out through C: what examples/transfer.c does not show.
@Suite struct TransferTests {
    private let test: CStore
    private var host: String { test.directory + "/host" }

    init() throws {
        test = try CStore()
        try FileManager.default.createDirectory(atPath: host + "/below", withIntermediateDirectories: true)
        for name in ["a", "below/b"] { try Data("text".utf8).write(to: URL(filePath: host + "/" + name)) }
    }

    private func report() -> ips_fs_import_report {
        var report = ips_fs_import_report()
        report.struct_size = UInt32(MemoryLayout<ips_fs_import_report>.size)
        return report
    }

    /// What callbacks heard, and what they answer.
    private final class Heard {
        let answer: ips_status
        var calls = 0
        var kinds: [Int32] = []
        var paths: [String] = []
        var statuses: [ips_status] = []

        init(answer: ips_status = 0) { self.answer = answer }

        /// Good while this is alive.
        var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

        static func at(_ context: UnsafeMutableRawPointer?) -> Heard? {
            context.map { Unmanaged<Heard>.fromOpaque($0).takeUnretainedValue() }
        }
    }

    private let progress: ips_fs_progress = { context, done in
        guard let heard = Heard.at(context), done != nil else { return -1 }
        heard.calls += 1
        return heard.answer
    }

    private let trouble: ips_fs_on_trouble = { context, trouble in
        guard let heard = Heard.at(context), let trouble else { return -1 }
        let path = UnsafeRawBufferPointer(start: trouble.pointee.path.data, count: trouble.pointee.path.len)
        heard.paths.append(String(decoding: path, as: UTF8.self))
        heard.kinds.append(trouble.pointee.kind)
        heard.statuses.append(trouble.pointee.status)
        return heard.answer
    }

    @Test func progressStopsAndNothingIsNamed() throws {
        for (answer, status) in [(IPS_CANCELLED, IPS_CANCELLED), (9, 9), (-1, IPS_CALLBACK)] {
            let heard = Heard(answer: ips_status(answer))
            expect(status) {
                ips_fs_import(test.handle, host, "main", nil, progress, nil, heard.context, nil, $0)
            }
            #expect(heard.calls == 1)
            var cid = ips_cid()
            expect(IPS_NOT_FOUND) { ips_fs_branch_get(test.handle, "main", &cid, $0) }
        }
        #expect(try test.stat().holds == 0)
    }

    /// No host has links to CIDs.
    @Test func whatTheHostRefusesIsHeardOf() throws {
        var (fs, cid, version) = (OpaquePointer?.none, try test.put([1]), ips_cid())
        try expectOK { ips_fs_open_branch(test.handle, "main", &fs, $0) }
        defer { ips_fs_close(fs) }
        for name in ["link", "other"] {
            try path(name) { link in try expectOK { ips_fs_make_cid_link(fs, link, &cid, $0) } }
        }
        try expectOK { ips_fs_commit(fs, "main", nil, nil, nil, nil, &version, $0) }
        var made = ips_fs_export_report()
        made.struct_size = UInt32(MemoryLayout<ips_fs_export_report>.size)
        try path("") { root in
            for (answer, status) in [(IPS_CANCELLED, IPS_CANCELLED), (9, 9), (-3, IPS_CALLBACK)] {
                let heard = Heard(answer: ips_status(answer))
                let out = test.directory + "/never"
                expect(status) {
                    ips_fs_export(
                        test.handle, &version, root, out, nil, nil, trouble, heard.context, &made, $0)
                }
                #expect(heard.paths == ["link"] && !FileManager.default.fileExists(atPath: out))
            }
            let heard = Heard()
            let out = test.directory + "/out"
            try expectOK {
                ips_fs_export(test.handle, &version, root, out, nil, nil, trouble, heard.context, &made, $0)
            }
            #expect(heard.paths == ["link", "other"] && made.unmade == 2)
            #expect(heard.kinds == [Int32(IPS_FS_UNMADE), Int32(IPS_FS_UNMADE)])
            #expect(heard.statuses.allSatisfy { $0 == ips_status(IPS_UNSUPPORTED) })
        }
    }

    @Test func withoutABranchTheTreeIsHeld() throws {
        var report = report()
        try expectOK { ips_fs_import(test.handle, host, nil, nil, nil, nil, nil, &report, $0) }
        #expect(report.entries == 3 && report.version.digest_length == 0)
        #expect(try test.stat().holds == 1)
        let out = test.directory + "/out"
        let heard = Heard()
        try path("below") { below in
            try expectOK {
                ips_fs_export(
                    test.handle, &report.tree, below, out, nil, progress, nil, heard.context, nil, $0)
            }
        }
        #expect(try Data(contentsOf: URL(filePath: out + "/b")) == Data("text".utf8) && heard.calls > 0)
    }

    /// Random, so that it is stored as it is, and large enough to be blocks of its own.
    @Test func whatIsDamagedIsLeftOutWhenItMayBe() throws {
        let content = Data((0..<200_000).map { _ in UInt8.random(in: 0...255) })
        try content.write(to: URL(filePath: host + "/large"))
        var imported = report()
        try expectOK { ips_fs_import(test.handle, host, "main", nil, nil, nil, nil, &imported, $0) }
        try spoil(content[1000..<1064])
        var made = ips_fs_export_report()
        made.struct_size = UInt32(MemoryLayout<ips_fs_export_report>.size)
        var how = ips_fs_export_options()
        ips_fs_export_options_init(&how, MemoryLayout<ips_fs_export_options>.size)
        let out = test.directory + "/out"
        try path("/") { root in
            expect(IPS_CORRUPT) {
                ips_fs_export(test.handle, &imported.tree, root, out, &how, nil, nil, nil, &made, $0)
            }
            #expect(!FileManager.default.fileExists(atPath: out))
            how.flags = UInt32(IPS_FS_KEEP_GOING)
            let heard = Heard()
            try expectOK {
                ips_fs_export(
                    test.handle, &imported.tree, root, out, &how, nil, trouble, heard.context, &made, $0)
            }
            #expect(heard.paths == ["large"] && heard.kinds == [Int32(IPS_FS_UNMADE)])
            #expect(heard.statuses == [ips_status(IPS_CORRUPT)])
        }
        #expect((made.files, made.unmade, made.damaged) == (3, 1, 1))
        #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == ["a", "below"])
        // Who was compiled before there was the last field.
        made.struct_size = 56
        made.damaged = 77
        how.existing = Int32(IPS_FS_REPLACE)
        try path("/") { root in
            try expectOK {
                ips_fs_export(test.handle, &imported.tree, root, out, &how, nil, nil, nil, &made, $0)
            }
        }
        #expect((made.unmade, made.damaged) == (1, 77))
    }

    /// Changes the first of these bytes in a pack.
    private func spoil(_ bytes: Data) throws {
        let packs = test.path + "/packs"
        for name in try FileManager.default.contentsOfDirectory(atPath: packs) {
            let pack = URL(filePath: packs + "/" + name)
            guard let place = try Data(contentsOf: pack).range(of: bytes) else { continue }
            let file = try FileHandle(forUpdating: pack)
            try file.seek(toOffset: UInt64(place.lowerBound))
            try file.write(contentsOf: Data([bytes[bytes.startIndex] ^ 1]))
            return try file.close()
        }
        Issue.record("the bytes are in no pack")
    }

    @Test func anExportThatIsStoppedLeavesNothing() throws {
        var report = report()
        try expectOK { ips_fs_import(test.handle, host, "main", nil, nil, nil, nil, &report, $0) }
        let out = test.directory + "/out"
        let heard = Heard(answer: 7)
        path("/") { root in
            expect(7) {
                ips_fs_export(
                    test.handle, &report.tree, root, out, nil, progress, nil, heard.context, nil, $0)
            }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: test.directory)
        #expect(names.sorted() == ["host", "store"])
    }

    @Test func callsThatMakeNoSense() throws {
        var report = report()
        expect(IPS_INVALID) { ips_fs_import(test.handle, nil, "main", nil, nil, nil, nil, nil, $0) }
        expect(IPS_NOT_FOUND) {
            ips_fs_import(test.handle, test.directory + "/none", "main", nil, nil, nil, nil, &report, $0)
        }
        expect(IPS_INVALID) {
            ips_fs_import(test.handle, host + "/a", "main", nil, nil, nil, nil, &report, $0)
        }
        expect(IPS_INVALID) { ips_fs_import(test.handle, host, "a:b", nil, nil, nil, nil, &report, $0) }
        var options = ips_fs_import_options()
        ips_fs_import_options_init(&options, MemoryLayout<ips_fs_import_options>.size)
        options.flags = 8
        expect(IPS_UNSUPPORTED) {
            ips_fs_import(test.handle, host, "main", &options, nil, nil, nil, &report, $0)
        }
        expect(IPS_UNSUPPORTED) {
            ips_store_flatten(test.path, ~UInt32(IPS_FLATTEN_KEEP_GOING), nil, nil, nil, $0)
        }
        options = ips_fs_import_options()
        expect(IPS_INVALID) {
            ips_fs_import(test.handle, host, "main", &options, nil, nil, nil, &report, $0)
        }
        ips_fs_import_options_init(&options, MemoryLayout<ips_fs_import_options>.size)
        path("a/b") { place in
            options.path = place
            for (branch, status) in [(nil, IPS_INVALID), ("main", IPS_NOT_FOUND)] as [(String?, Int)] {
                expect(status) {
                    ips_fs_import(test.handle, host, branch, &options, nil, nil, nil, &report, $0)
                }
            }
        }
        report.struct_size = 8
        expect(IPS_INVALID) { ips_fs_import(test.handle, host, "main", nil, nil, nil, nil, &report, $0) }
        report = self.report()
        try expectOK { ips_fs_import(test.handle, host, "main", nil, nil, nil, nil, &report, $0) }
        var how = ips_fs_export_options()
        ips_fs_export_options_init(&how, MemoryLayout<ips_fs_export_options>.size)
        how.existing = 3
        let out = test.directory + "/out"
        path("/") { root in
            expect(IPS_UNSUPPORTED) {
                ips_fs_export(test.handle, &report.tree, root, out, &how, nil, nil, nil, nil, $0)
            }
            expect(IPS_INVALID) {
                ips_fs_export(test.handle, nil, root, out, nil, nil, nil, nil, nil, $0)
            }
        }
        path("a") { file in
            expect(IPS_INVALID) {
                ips_fs_export(test.handle, &report.tree, file, out, nil, nil, nil, nil, nil, $0)
            }
        }
        #expect(!FileManager.default.fileExists(atPath: out))
    }

    private func path<T>(_ text: String, _ body: (ips_bytes) throws -> T) rethrows -> T {
        try Array(text.utf8).withUnsafeBytes { try body(ips_bytes($0)) }
    }
}
