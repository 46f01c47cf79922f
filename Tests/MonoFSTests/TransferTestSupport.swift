import Foundation
import Glibc
import Testing

@testable import IpldEngine
@testable import MonoFS

/// A store, and directories of the host beside it.
final class TransferFixture {
    let held: TestStore
    let files: FileSystem
    let directory: String

    init() throws {
        held = try TestStore()
        files = FileSystem(held.store)
        directory = held.directory + "/host"
        try #require(mkdir(directory, 0o755) == 0)
    }

    // The permissions that tests take away would keep it from being removed.
    deinit { _ = try? HostTree.remove(directory) }

    func path(_ name: String) -> String { directory + "/" + name }

    /// Makes a file, and the directories above it.
    func write(_ name: String, _ content: [UInt8], mode: mode_t = 0o644) throws {
        let path = path(name)
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + parent, withIntermediateDirectories: true)
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        try #require(descriptor >= 0, "\(path): \(errno)")
        defer { close(descriptor) }
        try content.withBytes { (content) throws(HostError) in try Host.write(descriptor, at: 0, content) }
        try #require(fchmod(descriptor, mode) == 0)
    }

    /// What is in the directory.
    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    /// Waits until what was written just now counts as settled.
    func settle() { usleep(120_000) }

    @discardableResult
    func importTree(
        _ name: String, to branch: String? = "main", _ options: ImportOptions = ImportOptions()
    ) throws -> ImportReport {
        var problems: [String] = []
        let report = try files.importDirectory(
            path(name), to: branch, options,
            problem: { (problem) throws(StoreError) in problems.append(problem.error.message) })
        #expect(problems == [])
        return report
    }

    @discardableResult
    func export(_ tree: CID, to name: String, _ options: ExportOptions = ExportOptions()) throws
        -> ExportReport
    {
        try files.exportDirectory(
            of: tree, to: path(name), options,
            problem: { (problem) throws(StoreError) in Issue.record("\(problem.error.message)") })
    }

    func isClean() throws -> Bool {
        let report = try held.store.verify()
        return report.problems.isEmpty
    }

    /// All that a tree of the host is, a line an entry, without numbers that are the host's alone.
    func facts(_ name: String) throws -> [String] {
        var facts: [String] = []
        var inodes: [HostIdentity: String] = [:]
        let root = try HostDirectory(try Host.open(path: path(name)))
        facts.append(try Self.line(".", root.status, .descriptor(root.descriptor), ""))
        let walk = try HostWalk(root, HostWalk.Limits())
        while let step = try walk.next() {
            switch step {
            case .enter(let entry, let directory):
                let path = FilePath(components: walk.components).bytes
                facts.append(
                    try Self.line(
                        TransferFixture.text(path), entry.status, .descriptor(directory.descriptor), ""))
            case .file(let entry):
                let path = TransferFixture.text(walk.path(entry.name).bytes)
                let holder = AttributeHolder.name(
                    directory: entry.directory.descriptor, entry.name.bytes)
                var content = "\(entry.status.device)"
                if entry.status.kind == .symlink {
                    content = Self.text(
                        try Host.target(entry.directory.descriptor, entry.name.bytes))
                } else if entry.status.kind == .file {
                    let open = try HostFile.open(entry.directory, entry.name.bytes, entry.status)
                    content = try Self.digest(open, entry.status.size)
                }
                if entry.status.links > 1 {
                    let first = inodes[entry.status.identity] ?? path
                    inodes[entry.status.identity] = first
                    content += " = " + first
                }
                facts.append(try Self.line(path, entry.status, holder, content))
            case .leave: break
            case .refused(let name, _, let error): Issue.record("\(name): \(error)")
            case .nameless(let name): Issue.record("\(name)")
            }
        }
        return facts
    }

    static func text(_ bytes: [UInt8]) -> String {
        bytes.map { $0 > 0x20 && $0 < 0x7f ? String(UnicodeScalar($0)) : "\\\($0)" }.joined()
    }

    private static func digest(_ file: HostFile, _ size: UInt64) throws -> String {
        // Large ones here are holes.
        var bytes = [UInt8](repeating: 0, count: Int(min(size, 16 << 20)))
        _ = try Host.read(file.descriptor, into: &bytes)
        let cid = try bytes.withBytes { try CID(hashing: $0, codec: .raw) }
        return "\(size) \(cid)"
    }

    private static func line(
        _ path: String, _ status: HostStatus, _ holder: AttributeHolder, _ content: String
    ) throws -> String {
        let attributes = try Host.attributes(holder).sorted { $0.name.precedes($1.name) }
            .map { "\(text($0.name))=\(text($0.value))" }
        return "\(path) \(status.kind) \(String(status.mode, radix: 8)) \(status.owner):\(status.group) "
            + "\(status.modified) \(attributes) \(content)"
    }
}
