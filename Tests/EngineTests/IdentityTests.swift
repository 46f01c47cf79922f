import Testing
@testable import IpldEngine

@Suite struct IdentityTests {
    @Test func cidIsAPlainValue() {
        #expect(_isPOD(CID.self))
        #expect(MemoryLayout<CID>.stride <= 96)
    }
}
