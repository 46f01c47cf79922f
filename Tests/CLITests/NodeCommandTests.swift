import Foundation
import Testing

/// Nodes of any size on the command line, and paths into them.
@Suite struct NodeCommandTests {
    @Test func aPathLeadsIntoANodeAndThroughLinks() throws {
        let line = try CommandLine()
        try line.write("leaf.json", Data("{\"x\": [10, {\"y\": \"deep\"}]}".utf8))
        let leaf = try line.run("put-node", "leaf.json", "--format", "dag-json").line
        try line.write("node.json", Data("{\"leaf\": {\"/\": \"\(leaf)\"}, \"a b\": null}".utf8))
        let node = try line.run("put-node", "node.json", "--format", "dag-json").line
        #expect(try line.run("cat-node", "\(node)/leaf/x/1/y").line == "\"deep\"")
        #expect(try line.run("cat-node", "\(node)/leaf/x").line == "[10,{\"y\":\"deep\"}]")
        #expect(try line.run("cat-node", "\(node)/leaf").line == "{\"/\":\"\(leaf)\"}")
        #expect(try line.run("cat-node", "\(node)/a b").line == "null")
        for path in ["b", "leaf/x/2", "leaf/x/00", "a b/c", "leaf/", "leaf/x/1/y/z"] {
            let result = try line.run("cat-node", "\(node)/\(path)", "--json")
            #expect(result.status == 3 && result.output == "", "\(path)")
            #expect(try result.errorCode() == "not_found")
        }
        #expect(try line.run("cat-node", "/\(node)").status == 2)
    }

    @Test func aNodeOfManyBlocksGoesInAndComesOut() throws {
        let line = try CommandLine()
        let pairs = (0..<120_000).map { "\"k\(100_000 + $0)\":[\($0),\"value\"]" }
        let text = "{\"all\":{" + pairs.joined(separator: ",") + "},\"one\":1}"
        try line.write("large.json", Data(text.utf8))
        let cid = try line.run("put-node", "large.json", "--format", "dag-json").line
        #expect(try line.run("cat-node", cid).line == text)
        #expect(try line.run("cat-node", "\(cid)/all/k219999/0").line == "119999")
        #expect(try line.run("cat-node", "\(cid)/all/k219999").line == "[119999,\"value\"]")
        let size = try #require(try line.run("size", cid, "--json").object().integer("size"))
        #expect(size > 1 << 20)
        #expect(try !line.run("links", cid).lines.isEmpty)
        let root = try line.run("inspect", cid, "--json").object()
        #expect(try #require(root.integer("raw_length")) < 1 << 20)
        // A byte string of 3 MiB in DAG-CBOR.
        var bytes = Data([0x5a, 0x00, 0x30, 0x00, 0x00])
        bytes.append(randomData(3 << 20, seed: 1))
        try line.write("large.cbor", bytes)
        let byteString = try line.run("put-node", "large.cbor").line
        #expect(try line.run("size", byteString).line == "\((3 << 20) + 5)")
        #expect(try line.isClean())
        for held in [cid, byteString] { #expect(try line.run("dereference", held).status == 0) }
        #expect(try line.run("gc").status == 0)
        #expect(try line.statistics().integer("blocks") == 0)
    }
}
