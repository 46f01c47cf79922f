import Testing

@testable import IpldEngine

@Suite struct ChunkerParametersTests {
    @Test func theDefaultIsFastCDCOf64KiB() throws {
        #expect(ChunkerParameters.default.description == "fastcdc2020:16384:65536:262144:2")
        #expect(try ChunkerParameters.fastCDC(average: 65536) == .default)
        #expect(ChunkerParameters.default.maximumChunkLength == 262144)
        #expect(ChunkerParameters.default.makeChunker().maximumChunkLength == 262144)
    }

    @Test func anAverageAloneIsBoundedByAQuarterAndFourTimes() throws {
        #expect(
            try ChunkerParameters.fastCDC(average: 256).rule
                == .fastCDC(minimum: 64, average: 256, maximum: 1024, normalization: 2))
        #expect(
            try ChunkerParameters.fastCDC(average: 262144).rule
                == .fastCDC(minimum: 65536, average: 262144, maximum: 1 << 20, normalization: 2))
    }

    @Test(arguments: [
        "fastcdc2020:64:256:1024:0", "fastcdc2020:4097:16385:65537:3", "fastcdc2020:1000:1000:1000:2",
        "fixed:64", "fixed:65536", "fixed:1048576",
    ])
    func textIsReadBack(_ text: String) throws {
        #expect(try ChunkerParameters(parsing: text).description == text)
    }

    @Test(arguments: [
        "", ":", "fixed", "fixed:", "fixed:x", "fixed:+64", "fixed:064", "fixed: 64", "fixed:64:", "fixed:63",
        "fixed:0", "fixed:-1", "fixed:1048577", "fixed:9223372036854775808", "fixed:9223372036854775807",
        "fastcdc2020:64:256:1024", "fastcdc2020:64:256:1024:2:1", "fastcdc2020:64:256:1024:4",
        "fastcdc2020:64:256:1024:-1", "fastcdc2020:63:256:1024:2", "fastcdc2020:64:255:1024:2",
        "fastcdc2020:512:256:1024:2", "fastcdc2020:64:2048:1024:2", "fastcdc2020:64:256:1048577:2",
        "fastcdc2020:64:256:9223372036854775807:2", "fastcdc2020::64:256:1024:2", "fastcdc:64:256:1024:2",
        "FIXED:64",
    ])
    func whatIsNoChunkerIsInvalid(_ text: String) {
        let error = #expect(throws: StoreError.self) { try ChunkerParameters(parsing: text) }
        #expect(error?.code == .invalid)
    }

    @Test func averagesOutOfRangeAreInvalid() {
        for average in [Int.min, -1, 0, 255, 262145, Int.max] {
            let error = #expect(throws: StoreError.self) { try ChunkerParameters.fastCDC(average: average) }
            #expect(error?.code == .invalid)
        }
    }

    @Test func theLogarithmRoundsToTheNearest() {
        #expect(FastCDCChunker.roundedLogarithm(of: 256) == 8)
        #expect(FastCDCChunker.roundedLogarithm(of: 362) == 8)
        #expect(FastCDCChunker.roundedLogarithm(of: 363) == 9)
        #expect(FastCDCChunker.roundedLogarithm(of: 12345) == 14)
        #expect(FastCDCChunker.roundedLogarithm(of: 1 << 20) == 20)
    }

    @Test func fixedSizeChunksAreOfOneSize() throws {
        let chunker = try ChunkerParameters.fixed(size: 100).makeChunker()
        let bytes = [UInt8](repeating: 1, count: 250)
        let lengths = bytes.withUnsafeBytes { LayoutFixture.chunkLengths(of: $0, by: chunker) }
        #expect(lengths == [100, 100, 50])
    }

    @Test func anEmptyRestHasNoChunk() throws {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(ChunkerParameters.default.makeChunker().firstChunkLength(of: nothing) == 0)
        #expect(try ChunkerParameters.fixed(size: 64).makeChunker().firstChunkLength(of: nothing) == 0)
    }
}
