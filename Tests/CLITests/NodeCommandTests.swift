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

    private func put(_ line: CommandLine, _ json: String) throws -> String {
        try line.write("value.json", Data(json.utf8))
        return try line.run("put-node", "value.json", "--format", "dag-json").line
    }

    @Test func aNodeIsChangedAtAPath() throws {
        let line = try CommandLine()
        let node = try put(line, "{\"list\":[1,2,3],\"map\":{\"a\":1}}")
        func becomes(_ json: String, _ arguments: String...) throws {
            let result = try line.start(arguments).wait()
            #expect(result.status == 0, "\(result.error)")
            #expect(try line.run("cat-node", result.line).line == json)
            #expect(try result.line == put(line, json), "as if it had been stored so")
        }
        try becomes(
            "{\"list\":[1,2,3],\"map\":{\"a\":{\"b\":[]}}}", "set-node", "\(node)/map/a", "{\"b\":[]}")
        try becomes("{\"list\":[1,2,3],\"map\":{\"a\":1,\"b\":\"x\"}}", "set-node", "\(node)/map/b", "\"x\"")
        try becomes("{\"list\":[1,null,3],\"map\":{\"a\":1}}", "set-node", "\(node)/list/1", "null")
        try becomes("{\"list\":[0,1,2,3],\"map\":{\"a\":1}}", "insert-node", "\(node)/list/0", "0")
        try becomes("{\"list\":[1,2,3,-4],\"map\":{\"a\":1}}", "insert-node", "\(node)/list/-", "--", "-4")
        try becomes("{\"list\":[1,2,3,4],\"map\":{\"a\":1}}", "insert-node", "\(node)/list/3", "4")
        try becomes("{\"list\":[1,3],\"map\":{\"a\":1}}", "remove-node", "\(node)/list/1")
        try becomes("{\"list\":[1,2,3],\"map\":{}}", "remove-node", "\(node)/map/a")
        try becomes("{\"list\":[1,2,3]}", "remove-node", "\(node)/map")
        // From the standard input.
        try line.write("input", Data("[true]".utf8))
        let input = try #require(FileHandle(forReadingAtPath: line.path("input")))
        let set = try line.run("set-node", "\(node)/map", "-", input: input)
        #expect(try line.run("cat-node", "\(set.line)/map/0").line == "true")
        // Through a link, which then names the changed node.
        let outer = try put(line, "{\"in\":{\"/\":\"\(node)\"}}")
        let changed = try line.run("set-node", "\(outer)/in/map/a", "2").line
        #expect(try line.run("cat-node", "\(changed)/in/map/a").line == "2")
        #expect(try line.run("cat-node", "\(outer)/in/map/a").line == "1")
        for command in ["set-node", "insert-node", "remove-node"] {
            #expect(try line.run(command, "--help").output.contains("Example:"))
        }
        #expect(try line.isClean())
    }

    @Test func aRootAndAPathNameAValue() throws {
        let line = try CommandLine()
        let node = try put(line, "{\"a\":{\"b\":1}}")
        #expect(try line.run("root", "set", "config", node).status == 0)
        #expect(try line.run("root", "set", "config/a", node).status == 0)
        #expect(try line.run("cat-node", "config").line == "{\"a\":{\"b\":1}}")
        // The longest name counts.
        #expect(try line.run("cat-node", "config/a").line == "{\"a\":{\"b\":1}}")
        #expect(try line.run("cat-node", "config/a/a/b").line == "1")
        #expect(try line.run("cat-node", "none/a").status == 3)
        let set = try line.run("set-node", "config/a/a/b", "2", "--root", "config/a", "--json").object()
        #expect(set["root"] as? String == "config/a")
        #expect(try line.run("root", "get", "config/a").line == set["cid"] as? String)
        #expect(try line.run("root", "get", "config").line == node)
        #expect(try line.isClean())
    }

    @Test func aChangeOfANodeThatMakesNoSenseIsRefused() throws {
        let line = try CommandLine()
        let node = try put(line, "{\"list\":[1],\"map\":{\"a\":1}}")
        for (status, arguments) in [
            (2, ["set-node", node, "1"]), (2, ["set-node", "\(node)/map/a"]), (2, ["remove-node"]),
            (1, ["set-node", "\(node)/map/a", "{"]), (1, ["insert-node", "\(node)/map/a", "1"]),
            (1, ["set-node", "\(node)/map/a/b", "1"]), (3, ["set-node", "\(node)/list/1", "1"]),
            (3, ["set-node", "\(node)/list/01", "1"]), (3, ["set-node", "\(node)/list/x", "1"]),
            (3, ["insert-node", "\(node)/list/2", "1"]), (3, ["remove-node", "\(node)/map/b"]),
            (3, ["remove-node", "\(node)/list/-"]), (3, ["set-node", "\(node)/none/b", "1"]),
            (3, ["set-node", "nothing/b", "1"]),
            (3, ["set-node", "\(node)/list/9223372036854775807", "1"]),
        ] {
            let result = try line.start(arguments).wait()
            #expect(result.status == Int32(status), "\(arguments): \(result.error)")
            #expect(result.output == "")
        }
        #expect(try line.run("holds", "--json").array().count == 1)
    }
}
