import Foundation
import Testing

/// Stores over stores, from the command line.
@Suite struct LayerCommandTests {
    /// A base under the default path with `content` as the root `name`, and a layer over it.
    private func makeLayer() throws -> (line: CommandLine, content: Data, cid: String, base: String) {
        let line = try CommandLine()
        let content = randomData(400_000, seed: 4)
        let cid = try line.put(content, root: "name")
        let base = try #require(try line.run("stat", "--json").object()["store"] as? String)
        let made = try line.run("--store", "layer", "init", "--base", base)
        try #require(made.status == 0, "\(made.error)")
        return (line, content, cid, base)
    }

    @Test func aLayerReadsByTheNamesOfItsBaseAndKeepsItsOwn() throws {
        let (line, content, cid, base) = try makeLayer()
        #expect(try line.run("--store", "layer", "get", "name").outputBytes == content)
        #expect(try line.run("--store", "layer", "root", "get", "name").line == cid)
        #expect(try line.run("--store", "layer", "ls").output == "name\t\(cid)\tbase\n")
        #expect(try line.run("--store", "layer", "ls", "--json").array().first?["base"] as? Bool == true)
        let statistics = try line.run("--store", "layer", "stat", "--json").object()
        #expect(statistics["bases"] as? [String] == [line.path(base)])
        #expect(statistics["sealed"] as? Bool == false)
        #expect(statistics.integer("blocks") == 0)
        // What the base has is named here, and stays when the base drops it.
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        #expect(try line.run("root", "rm", "name").status == 0)
        #expect(try line.run("gc").status == 0)
        #expect(try line.run("--store", "layer", "get", "mine").outputBytes == content)
        #expect(try line.run("--store", "layer", "verify").status == 0)
        #expect(try line.isClean())
    }

    @Test func aForkThatIsThereIsForgottenByForceOnly() throws {
        let (line, _, _, _) = try makeLayer()
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        let fork = try #require(try line.run("forks", "--json").array().first)
        #expect(fork["state"] as? String == "present" && fork.integer("holds") == 1)
        let identity = try #require(fork["identity"] as? String)
        let refused = try line.run("forks", "forget", identity, "--json")
        #expect(refused.status == 1 && refused.error.contains("--force"))
        #expect(try line.run("forks", "--json").array().count == 1)
        #expect(try line.run("forks", "forget", identity, "--force").status == 0)
        #expect(try line.run("forks", "--json").array().isEmpty)
        #expect(try line.run("forks", "forget", identity, "--force").status == 3)
    }

    /// What is copied with its base reads through the old one until it is told otherwise.
    @Test func aForkThatMayBeThereIsForgottenByForceOnly() throws {
        let (line, content, _, base) = try makeLayer()
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        for copy in ["told", "untold"] {
            try #require(try line.shell("mkdir \(copy); cp -a \(base) layer \(copy)").status == 0)
        }
        func forks(_ copy: String) throws -> [[String: Any]] {
            try line.run("--store", "\(copy)/\(base)", "forks", "--json").array()
        }
        #expect(try line.run("--store", "told/layer", "base", "set", base, "told/\(base)").status == 0)
        #expect(try forks("told").map { $0["state"] as? String } == ["present"])
        #expect(try line.run("--store", "untold/layer", "stat").status == 0)
        let fork = try #require(try forks("untold").first)
        #expect(fork["state"] as? String == "unknown" && fork.integer("holds") == 1)
        let identity = try #require(fork["identity"] as? String)
        let words = ["--store", "untold/\(base)", "forks", "forget", identity]
        let refused = try line.start(words).wait()
        #expect(refused.status == 1 && refused.error.contains("holds 1 block here"), "\(refused.error)")
        #expect(refused.error.contains("--force"))
        #expect(try forks("untold").count == 1)
        #expect(try line.start(words + ["--force"]).wait().status == 0)
        #expect(try forks("untold").isEmpty)
        // The one that was told needs nothing of the original any more.
        _ = try line.shell("rm -r \(base) layer")
        #expect(try line.run("--store", "told/\(base)", "root", "rm", "name").status == 0)
        #expect(try line.run("--store", "told/\(base)", "gc").status == 0)
        #expect(try line.run("--store", "told/layer", "get", "mine").outputBytes == content)
    }

    @Test func aRepairSaysWhatItNamedInABase() throws {
        let (line, content, cid, _) = try makeLayer()
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        let journal = line.path("layer/journal")
        let end = try Data(contentsOf: URL(filePath: journal)).count
        #expect(try line.run("--store", "layer", "root", "set", "too", "name").status == 0)
        #expect(try line.run("--store", "layer", "root", "rm", "too").status == 0)
        #expect(try line.run("root", "rm", "name").status == 0)
        try FileManager.default.removeItem(atPath: line.path("layer/index"))
        var bytes = try Data(contentsOf: URL(filePath: journal))
        bytes[end - 30] ^= 0xa5
        try bytes.write(to: URL(filePath: journal))
        let repaired = try line.run("--store", "layer", "verify", "--repair")
        #expect(repaired.status == 0 && repaired.output.contains("1 root made: recovered/..."))
        #expect(try line.run("--store", "layer", "ls").output == "recovered/\(cid)\t\(cid)\n")
        #expect(try line.run("gc").status == 0)
        #expect(try line.run("--store", "layer", "get", "recovered/\(cid)").outputBytes == content)
    }

    @Test func aForkWhoseDirectoryIsDeletedIsGoneWithTheNextCollection() throws {
        let (line, _, _, _) = try makeLayer()
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        #expect(try line.run("root", "rm", "name").status == 0)
        try FileManager.default.removeItem(atPath: line.path("layer"))
        #expect(try line.run("forks", "--json").array().first?["state"] as? String == "gone")
        let wanted = try line.run("gc", "--dry-run", "--json").object().integer("blocks")
        #expect(try wanted ?? 0 > 0 && wanted == line.statistics().integer("blocks"))
        #expect(try line.run("gc").status == 0)
        #expect(try line.run("forks", "--json").array().isEmpty)
        #expect(try line.statistics().integer("blocks") == 0)
    }

    @Test func aMovedBaseIsNamedAndFoundAgain() throws {
        let (line, content, _, base) = try makeLayer()
        try FileManager.default.moveItem(atPath: line.path(base), toPath: line.path("moved"))
        let lost = try line.run("--store", "layer", "get", "name")
        #expect(lost.status != 0 && lost.output == "")
        #expect(lost.error.contains(base) && lost.error.contains("base set"))
        // Another store that is there now is none the better.
        #expect(try line.run("--store", base, "init").status == 0)
        let other = try line.run("--store", "layer", "get", "name")
        #expect(other.status == 1 && other.error.contains("where that is now with ipldstore base set"))
        let wrong = try line.run("--store", "layer", "base", "set", "nothing", "moved")
        #expect(wrong.status == 3 && wrong.error.contains(base))
        #expect(try line.run("--store", "layer", "base", "set", "./\(base)/", "moved").status == 0)
        #expect(try line.run("--store", "layer", "get", "name").outputBytes == content)
    }

    @Test func aLayerIsFlattenedAndItsBaseDeleted() throws {
        let (line, content, cid, base) = try makeLayer()
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        let flat = try line.run("--store", "layer", "flatten", "--json").object()
        #expect(flat.integer("bytes") ?? 0 >= content.count)
        try FileManager.default.removeItem(atPath: line.path(base))
        #expect(try line.run("--store", "layer", "base").output == "")
        #expect(try line.run("--store", "layer", "root", "get", "mine").line == cid)
        #expect(try line.run("--store", "layer", "get", "mine").outputBytes == content)
        #expect(try line.run("--store", "layer", "verify").status == 0)
    }

    @Test func aLayerStandsAloneWhenItsBaseIsGone() throws {
        let (line, content, _, base) = try makeLayer()
        let own = Data(content.reversed())
        try line.write("own", own)
        #expect(try line.run("--store", "layer", "put", "own", "--root", "own").status == 0)
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
        try FileManager.default.moveItem(atPath: line.path(base), toPath: line.path("away"))
        let refused = try line.run("--store", "layer", "flatten")
        #expect(refused.status != 0 && refused.error.contains("--keep-going"))
        #expect(try line.run("--store", "layer", "flatten", "--keep-going").status == 0)
        #expect(try line.run("--store", "layer", "get", "own").outputBytes == own)
        #expect(try line.run("--store", "layer", "verify").status == 4)
        #expect(try line.run("--store", "layer", "verify", "--repair", "--from", "away").status == 0)
        #expect(try line.run("--store", "layer", "get", "mine").outputBytes == content)
        #expect(try line.run("--store", "layer", "verify").status == 0)
    }

    @Test func aSealedStoreSaysSoAndChangesNoMore() throws {
        let (line, content, _, _) = try makeLayer()
        #expect(try line.run("seal").status == 0)
        #expect(try line.run("stat", "--json").object()["sealed"] as? Bool == true)
        let refused = try line.run("root", "rm", "name", "--json")
        #expect(refused.status == 1)
        #expect(try refused.errorCode() == "read_only")
        #expect(try line.run("get", "name").outputBytes == content)
        #expect(try line.run("--store", "layer", "root", "set", "mine", "name").status == 0)
    }

    @Test func rootsAreCopiedBetweenStoresAsFarAsTheyAreMissing() throws {
        let (line, content, cid, base) = try makeLayer()
        #expect(try line.run("--store", "other", "init", "--kind", "flatfs", "--levels", "2").status == 0)
        let first = try line.run("--store", "other", "copy", "--from", base, "name", "--json").object()
        #expect(first.integer("blocks") ?? 0 > 2 && first.integer("bytes") ?? 0 >= content.count)
        let again = try line.run("--store", "other", "copy", "--from", base, "name", "--json").object()
        #expect(again.integer("blocks") == 0)
        #expect(try line.run("--store", "other", "root", "get", "name").line == cid)
        // Plain files are no packs.
        #expect(try line.run("--store", "other", "stat", "--json").object().integer("packs") == 0)
        let named = try line.run("--store", "other", "copy", "--from", base, "name", "--root", "second")
        #expect(named.lines.first == "second\t\(cid)")
        // What is damaged or missing comes back from a store that has it.
        let file = try #require(
            FileManager.default.enumerator(atPath: line.path("other/blocks"))?
                .compactMap { $0 as? String }.first { $0.contains("bafkr") })
        try Data("not the block".utf8).write(to: URL(fileURLWithPath: line.path("other/blocks/\(file)")))
        #expect(try line.run("--store", "other", "verify").status == 4)
        let mended = try line.run("--store", "other", "verify", "--repair", "--from", base, "--json")
        #expect(mended.status == 0, "\(mended.output)")
        #expect(try line.run("--store", "other", "get", "name").outputBytes == content)
    }

    @Test func whatAStoppedCopyLeftGoesWithTheNextOne() throws {
        let line = try CommandLine()
        _ = try line.put(randomData(200_000, seed: 1), root: "name")
        let base = try #require(try line.run("stat", "--json").object()["store"] as? String)
        #expect(try line.run("--store", "other", "init").status == 0)
        try line.write("part", randomData(300_000, seed: 2))
        #expect(
            try line.run("--store", "other", "put", "part", "--owner", "copy:\(absentCID)").status == 0)
        #expect(try line.run("--store", "other", "copy", "--from", base, "name").status == 0)
        #expect(try line.run("--store", "other", "holds").output == "")
        #expect(try line.run("--store", "other", "root", "rm", "name").status == 0)
        #expect(try line.run("--store", "other", "gc").status == 0)
        #expect(try line.run("--store", "other", "stat", "--json").object().integer("blocks") == 0)
    }

    @Test func aNodeIsStoredUnderARoot() throws {
        let line = try CommandLine()
        try line.write("node", Data(#"{"a":[1,2]}"#.utf8))
        let cid = try line.run("put-node", "node", "--format", "dag-json", "--root", "config").line
        #expect(try line.run("root", "get", "config").line == cid)
        #expect(try line.run("cat-node", "config/a/1").line == "2")
        #expect(try line.run("holds").output == "")
        let beyond = try line.run("set-node", "config/a/5", "1")
        #expect(beyond.status == 3 && beyond.error.contains("no element 5"))
    }

    @Test func aBranchOfTheBaseGoesOnInTheLayer() throws {
        let (line, _, _, _) = try makeLayer()
        _ = try line.shell("mkdir tree; echo first > tree/file; echo kept > tree/kept")
        #expect(try line.run("import", "tree", "--branch", "main").status == 0)
        #expect(try line.run("tag", "first", "main").status == 0)
        let first = try line.run("branch", "--json").array().first?["version"] as? String
        func layer(_ words: String...) throws -> CommandLine.Result {
            try line.start(["--store", "layer"] + words).wait()
        }
        #expect(try layer("branch").line == "main\t\(first ?? "")\tbase")
        #expect(try layer("tag").line.hasSuffix("\tbase"))
        #expect(try layer("branch", "-d", "main").error.contains("base's"))
        #expect(try layer("branch", "main").status == 1)
        _ = try line.shell("echo second > tree/file")
        #expect(try layer("import", "tree", "--branch", "main").status == 0)
        #expect(try layer("mkdir", "main:new").status == 0)
        let listed = try layer("branch", "--json").array()
        #expect(listed.count == 1 && listed.first?["base"] as? Bool == false)
        #expect(try layer("log", "main", "--json").array().count == 3)
        #expect(try layer("log", "main", "--json").array().last?["version"] as? String == first)
        #expect(try layer("cat", "main:file", "main:kept").output == "second\nkept\n")
        // The base has not changed, and may drop its branch.
        #expect(try line.run("cat", "main:file").output == "first\n")
        #expect(try line.run("branch", "-d", "main").status == 0)
        #expect(try line.run("tag", "-d", "first").status == 0)
        #expect(try line.run("gc").status == 0)
        #expect(try layer("log", "main", "--json").array().count == 3)
        #expect(try layer("verify").status == 0)
        #expect(try line.isClean())
    }
}
