import Foundation
import Testing

@Suite struct BlockCommandTests {
    @Test func nodesGoInAsDagJSONOrDagCBORAndComeOutAsDagJSON() throws {
        let line = try CommandLine()
        let leaf = try line.put(Data("leaf".utf8))
        try line.write(
            "node.json", Data("{ \"b\": {\"/\": \"\(leaf)\"}, \"a\": [1, -2.5, null, true] }".utf8))
        let node = try line.run("put-node", "node.json", "--format", "dag-json")
        #expect(node.status == 0)
        let text = try line.run("cat-node", node.line)
        #expect(text.line == "{\"a\":[1,-2.5,null,true],\"b\":{\"/\":\"\(leaf)\"}}")
        try line.write("node.cbor", try line.run("get-block", node.line).outputBytes)
        #expect(try line.run("put-node", "node.cbor").line == node.line)
        #expect(
            try line.run("put-node", "-", input: FileHandle(forReadingAtPath: line.path("node.cbor"))).line
                == node.line)
        #expect(
            try line.run("put-block", "node.cbor", "--codec", "dag-cbor", "--json").object()["cid"] as? String
                == node.line)
        #expect(try line.run("links", node.line).lines == [leaf])
        #expect(try line.run("links", node.line, "--json").json() as? [String] == [leaf])
        #expect(try line.run("links", leaf, "--json").line == "[]")
        #expect(try line.run("cat-node", leaf).line == "{\"/\":{\"bytes\":\"bGVhZg\"}}")
        #expect(try line.isClean())
    }

    @Test func nodesAreCheckedStrictly() throws {
        let line = try CommandLine()
        // A number that is not in its shortest form, a map out of order, an unknown tag, half a string.
        for bytes: [UInt8] in [
            [0x18, 0x01], [0xa2, 0x61, 0x62, 1, 0x61, 0x61, 1], [0xc1, 0x00], [0x65, 0x61], [],
        ] {
            try line.write("bad", Data(bytes))
            for command in [["put-node", "bad"], ["put-block", "bad", "--codec", "dag-cbor"]] {
                let result = try line.start(command + ["--json"]).wait()
                #expect(result.status == 1 && result.output == "")
                #expect(try result.errorCode() == "invalid")
            }
        }
        for text in ["{\"a\":1,\"a\":2}", "{\"/\":\"nothing\"}", "[1,]", "NaN", ""] {
            try line.write("bad", Data(text.utf8))
            #expect(try line.run("put-node", "bad", "--format", "dag-json").status == 1, "\(text)")
        }
        #expect(try line.statistics().integer("blocks") == 0)
    }

    @Test func blocksOfAnyCodecAreKeptAsTheyAre() throws {
        let line = try CommandLine()
        try line.write("block", Data("bytes".utf8))
        for (codec, name) in [("raw", "raw"), ("0x70", "dag-pb"), ("297", "0x129"), ("dag-pb", "dag-pb")] {
            let cid = try line.run("put-block", "block", "--codec", codec).line
            #expect(try line.run("get-block", cid).output == "bytes")
            let known = try line.run("inspect", cid, "--json").object()
            #expect(known["codec"] as? String == name && known["cid"] as? String == cid)
            #expect(known.integer("raw_length") == 5 && known.integer("stored_length") == 5)
            #expect(known.integer("references") == 1)
            #expect(try line.run("size", cid, "--json").object().integer("size") == 5)
        }
        #expect(try line.run("put-block", "block", "--codec", "9223372036854775808").status == 2)
        #expect(try line.run("put-block", "block", "--codec", "nonsense").status == 2)
        try line.write("large", Data(count: (1 << 20) + 1))
        let large = try line.run("put-block", "large", "--json")
        #expect(large.status == 1)
        #expect(try large.errorCode() == "too_large")
        try line.write("large", Data(count: 1 << 20))
        #expect(try line.run("put-block", "large").status == 0)
    }

    @Test func hasAnswersWithItsExitCode() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("here".utf8))
        let here = try line.run("has", cid)
        #expect(here.status == 0 && here.line == "\(cid) here")
        #expect(try line.run("has", cid, "--json").object()["has"] as? Bool == true)
        let absent = try line.run("has", absentCID, "--json")
        #expect(absent.status == 3 && absent.error == "")
        #expect(try absent.object()["has"] as? Bool == false)
    }

    @Test(arguments: ["get", "size", "inspect", "get-block", "cat-node", "links", "retain", "dereference"])
    func aBlockThatIsNotHereIsNotFound(_ command: String) throws {
        let line = try CommandLine()
        let result = try line.run(command, absentCID, "--json")
        #expect(result.status == 3 && result.output == "")
        #expect(try result.errorCode() == "not_found")
    }

    @Test func aCIDThatIsNoneIsAUsageError() throws {
        let line = try CommandLine()
        for text in ["", "nonsense", absentCID + "a", String(absentCID.dropLast())] {
            let result = try line.run("root", "cas", "name", "none", text, "--json")
            #expect(result.status == 2 && result.output == "")
            #expect(try result.errorCode() == "usage")
        }
    }

    @Test func inspectBeginsWithTheCID() throws {
        let line = try CommandLine()
        let cid = try line.put(Data("text".utf8), root: "name")
        let lines = try line.run("inspect", "name").lines
        #expect(lines.first == cid)
        #expect(lines.contains("  references     1"))
    }
}
