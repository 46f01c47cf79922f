/// What reads bytes that others wrote, one target each, for libFuzzer: whatever the bytes are, it ends in a
/// value or in an error, and what a value is encoded as is what it was decoded from.
///
/// `scripts/fuzz` builds this with coverage and runs it; FUZZ_TARGET says which. With a file for an argument
/// it runs that input once.
import Glibc
import IpldEngine

/// The input is a find, and libFuzzer keeps it.
func require(_ condition: Bool, _ what: @autoclosure () -> String) {
    if condition { return }
    let line = "broken promise: \(what())\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
    abort()
}

private typealias Target = @Sendable (UnsafeRawBufferPointer) -> Void

private let targets: [(name: String, body: Target)] = [
    ("cid", fuzzCID), ("cid-text", fuzzCIDText), ("varint", fuzzVarint), ("cbor", fuzzCBOR),
    ("json", fuzzJSON), ("tree-node", fuzzTreeNode), ("entry", fuzzEntry), ("record", fuzzRecord),
    ("pack", fuzzPack), ("zstd", fuzzZstd), ("journal", fuzzJournal),
    ("configuration", fuzzConfiguration), ("index-pages", fuzzIndexPages),
]

nonisolated(unsafe) private var chosen: Target?

@c(LLVMFuzzerInitialize)
public func fuzzInitialize(_ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer) -> CInt
{
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    if name == "list" {
        print(targets.map(\.name).joined(separator: "\n"))
        exit(0)
    }
    guard let target = targets.first(where: { $0.name == name }) else {
        print("FUZZ_TARGET is one of \(targets.map(\.name).joined(separator: ", "))")
        exit(2)
    }
    chosen = target.body
    return 0
}

@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ bytes: UnsafePointer<UInt8>?, _ length: Int) -> CInt {
    chosen?(UnsafeRawBufferPointer(start: bytes, count: length))
    return 0
}
