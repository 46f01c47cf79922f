import IpldEngine
import Testing

@testable import CAPI

@Suite struct StatusTests {
    /// The engine's raw values are the numbers of the header, for ever.
    @Test(arguments: StoreError.Code.allCases)
    func everyCodeHasItsNumber(_ code: StoreError.Code) {
        #expect(code.status == code.rawValue)
    }

    @Test func theNumbersArePinned() {
        #expect(StoreError.Code.allCases.map(\.rawValue) == (1...18).map { Int32(-$0) })
    }
}
