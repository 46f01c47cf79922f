import CIpldStore
import Foundation
import TestSupport
import Testing

/// A fresh store in a directory of its own, open through the C interface.
final class CStore {
    let directory: String
    var path: String { directory + "/store" }
    private(set) var handle: OpaquePointer?

    init() throws {
        directory = FileManager.default.temporaryDirectory.path + "/ipldstore-capi-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try expectOK { ips_store_create(path, nil, $0) }
        try expectOK { ips_store_open(path, nil, &handle, $0) }
    }

    deinit {
        ips_store_close(handle)
        try? FileManager.default.removeItem(atPath: directory)
    }

    func close() {
        ips_store_close(handle)
        handle = nil
    }

    func put(_ bytes: [UInt8]) throws -> ips_cid {
        var cid = ips_cid()
        try bytes.withUnsafeBytes { bytes in
            try expectOK { ips_store_put_buffer(handle, ips_bytes(bytes), &cid, $0) }
        }
        return cid
    }

    func put(dagCBOR bytes: [UInt8]) throws -> ips_cid {
        var cid = ips_cid()
        try bytes.withUnsafeBytes { bytes in
            try expectOK { ips_store_put_node(handle, ips_bytes(bytes), &cid, $0) }
        }
        return cid
    }

    func get(_ cid: ips_cid) throws -> [UInt8] {
        var cid = cid
        var length = 0
        var size: UInt64 = 0
        try expectOK { ips_store_size(handle, &cid, &size, $0) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        try expectOK { ips_store_get_buffer(handle, &cid, &bytes, bytes.count, &length, $0) }
        #expect(length == bytes.count)
        return bytes
    }

    func stat() throws -> ips_stat {
        var stat = ips_stat()
        stat.struct_size = UInt32(MemoryLayout<ips_stat>.size)
        try expectOK { ips_store_stat(handle, &stat, $0) }
        return stat
    }

    func verify() throws {
        var report = ips_verify_report()
        report.struct_size = UInt32(MemoryLayout<ips_verify_report>.size)
        try expectOK { ips_store_verify(handle, nil, nil, &report, nil, nil, $0) }
        #expect(report.problems == 0)
    }
}

extension ips_bytes {
    init(_ bytes: UnsafeRawBufferPointer) { self.init(data: bytes.baseAddress, len: bytes.count) }
}

struct CFailure: Error, CustomStringConvertible {
    let status: ips_status
    let description: String
}

/// Runs a call that must succeed.
func expectOK(_ call: (UnsafeMutablePointer<ips_error>) -> ips_status) throws {
    var error = ips_error()
    let status = call(&error)
    guard status == IPS_OK else { throw CFailure(status: status, description: error.text) }
}

/// Runs a call that must fail with a status, and say so in its error.
func expect(
    _ wanted: Int, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ call: (UnsafeMutablePointer<ips_error>) -> ips_status
) {
    var error = ips_error()
    error.code = 4711
    let status = call(&error)
    #expect(status == ips_status(wanted), "\(what) \(error.text)", sourceLocation: sourceLocation)
    #expect(error.code == ips_status(wanted), "\(what)", sourceLocation: sourceLocation)
    #expect(!error.text.isEmpty, "\(what)", sourceLocation: sourceLocation)
}

extension ips_error {
    var text: String {
        var copy = message
        return withUnsafeBytes(of: &copy) { textToNUL($0) }
    }
}

/// Text in a field of a struct.
func textToNUL(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}

func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SplitMix(state: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}
