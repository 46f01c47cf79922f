import Foundation
import Testing

@Suite struct ArgumentTests {
    @Test func whatIsNotUTF8IsRefusedAndNamesNothing() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("x".utf8))
        for command in [
            "put put --root $'bad\\xff'", "get \(cid) -o $'bad\\xff'", "--store $'bad\\xff' init",
            "root set $'bad\\xff' \(cid)",
        ] {
            let result = try line.shell("\"$IPLDSTORE_EXECUTABLE\" \(command)")
            #expect(result.status == 2 && result.output == "", "\(command)")
            #expect(result.error == "ipldstore: an argument is not UTF-8: bad\\xff\n")
        }
        let variable = try line.shell("IPLDSTORE=$'bad\\xff' \"$IPLDSTORE_EXECUTABLE\" init --json")
        #expect(variable.status == 2)
        #expect(try variable.errorCode() == "usage")
        #expect(variable.error.contains("IPLDSTORE is not UTF-8"))
        #expect(try line.names() == [".ipldstore", "put"])
        #expect(try line.run("ls").output == "")
        #expect(try line.run("put", "put", "--root", "gut \u{1F600} ü").status == 0)
    }
}
