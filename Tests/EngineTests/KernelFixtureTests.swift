import Foundation
import Kernels
import Testing

/// Every variant against published vectors and against installed programs; what is not there is skipped,
/// and the skip says so.
@Suite struct KernelFixtureTests {
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["IPLDSTORE_FIXTURES"] {
            return URL(fileURLWithPath: path)
        }
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.appendingPathComponent("../shared/fixtures").standardized
    }()

    private static func fixture(_ path: String) -> Data? {
        try? Data(contentsOf: folder.appendingPathComponent(path))
    }

    static let blake3Vectors = fixture("hash/blake3_test_vectors.json")
    static let sha256Vectors = fixture("hash/SHA256ShortMsg.rsp")

    @Test(.enabled(if: blake3Vectors != nil, "no hash/blake3_test_vectors.json among the fixtures"))
    func officialBlake3Vectors() throws {
        struct Vectors: Decodable {
            struct Case: Decodable {
                let input_len: Int
                let hash: String
            }
            let cases: [Case]
        }
        let data = try #require(Self.blake3Vectors)
        let vectors = try JSONDecoder().decode(Vectors.self, from: data)
        #expect(vectors.cases.count >= 35)
        for vector in vectors.cases {
            let bytes = (0..<vector.input_len).map { UInt8($0 % 251) }
            for variant in KernelVariant.all {
                let digest = hexadecimal(variant.blake3(bytes))
                #expect(vector.hash.hasPrefix(digest), "\(variant.name), \(vector.input_len)")
            }
        }
    }

    @Test(.enabled(if: sha256Vectors != nil, "no hash/SHA256ShortMsg.rsp among the fixtures"))
    func nistSHA256ShortMessages() throws {
        let text = String(decoding: try #require(Self.sha256Vectors), as: UTF8.self)
        var bits = 0
        var message: [UInt8] = []
        var count = 0
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count == 3, words[1] == "=" else { continue }
            switch words[0] {
            case "Len": bits = try #require(Int(words[2]))
            case "Msg": message = try Self.octets(of: words[2])
            case "MD":
                count += 1
                let bytes = Array(message.prefix(bits / 8))
                for variant in KernelVariant.all {
                    #expect(hexadecimal(variant.sha256(bytes)) == words[2], "\(variant.name), \(bits) bits")
                }
            default: break
            }
        }
        #expect(count >= 65)
    }

    static let hasB3sum = FileManager.default.isExecutableFile(atPath: "/usr/bin/b3sum")
    static let hasSha256sum = FileManager.default.isExecutableFile(atPath: "/usr/bin/sha256sum")

    @Test(.enabled(if: hasB3sum, "b3sum is not installed"))
    func b3sumAgrees() throws {
        let lengths = [0, 1024, 70_001, 262_144, 786_433, 1_048_576, 3_000_003]
        try agree(with: "/usr/bin/b3sum", lengths: lengths) { $0.blake3($1) }
    }

    @Test(.enabled(if: hasSha256sum, "sha256sum is not installed"))
    func sha256sumAgrees() throws {
        try agree(with: "/usr/bin/sha256sum", lengths: [0, 55, 56, 64, 70_001]) { $0.sha256($1) }
    }

    private func agree(
        with program: String, lengths: [Int], _ digest: (KernelVariant, [UInt8]) -> [UInt8]
    ) throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("kernels-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var inputs: [[UInt8]] = []
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = []
        for (index, length) in lengths.enumerated() {
            inputs.append(KernelBytes.make(length, seed: UInt64(index)))
            let file = folder.appendingPathComponent("\(index)")
            try Data(inputs[index]).write(to: file)
            process.arguments?.append(file.path)
        }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = text.split(separator: "\n")
        #expect(lines.count == inputs.count)
        for (line, input) in zip(lines, inputs) {
            for variant in KernelVariant.all {
                let text = hexadecimal(digest(variant, input))
                #expect(line.hasPrefix(text), "\(variant.name), \(input.count)")
            }
        }
    }

    private static func octets(of text: Substring) throws -> [UInt8] {
        try stride(from: 0, to: text.count, by: 2).map {
            let start = text.index(text.startIndex, offsetBy: $0)
            return try #require(UInt8(text[start...].prefix(2), radix: 16))
        }
    }
}
