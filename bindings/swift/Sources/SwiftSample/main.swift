/// The engine imported from another package: a file goes in, is changed, read, compared and taken away.
import Glibc
import IpldEngine

func use(_ path: String) throws {
    try LmdbStore.create(at: path)
    let store = try LmdbStore.open(at: path)
    let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
    let batch = try store.makeBatch()
    let old = try content.withUnsafeBytes { try batch.putBytes($0) }
    try batch.setRoot("old", to: old)
    try batch.commit()

    let writer = try store.makeWriter(on: old)
    try withUnsafeBytes(of: UInt64(0)) { try writer.write($0, at: 500_000) }
    let new = try writer.commit()
    var changed: UInt64 = 0
    let diff = try store.diff(from: old, to: new)
    while let change = try diff.next() { changed += UInt64(change.new.count) }

    var total = 0
    try store.copyBytes(of: new) { total += $0.count }
    let node = try store.putNode(.map(["file": .link(new), "size": .integer(1_000_000)]))
    try store.setRoot("node", to: node)
    let report = try store.verify()
    print("\(total) bytes, \(changed) changed; \(report.blocks) blocks, \(report.problems.count) problems")
    guard total == content.count, changed == 8, report.problems.isEmpty,
        case .link(new) = try store.value(node, at: ["file"])
    else { exit(1) }
}

do {
    try use(CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "sample.store")
} catch let error as StoreError {
    print(error.message)
    exit(1)
}
