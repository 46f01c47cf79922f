import Foundation
import Testing

/// `cp` in all directions, `import` into a directory of a branch, and what is said of entries.
@Suite struct CopyCommandTests: CommandSuite {
    let command: CommandLine

    init() throws {
        command = try CommandLine(branch: "main")
    }

    private func paths(_ place: String) throws -> [String] { try run("tree", place).lines.dropLast() }

    @Test func aPathWithAColonIsAFileWhereItBeginsLikeOne() throws {
        for name in ["a:b", "plain", "main:x"] { try command.write(name, Data(name.utf8)) }
        try run("cp", "./a:b", "main:/")
        try run("cp", command.path("main:x"), "main:/absolute")
        try run("cp", "plain", "main:")
        #expect(try run("cat", "main:/a:b", "main:/absolute", "main:/plain").output == "a:bmain:xplain")
        try run("cp", "main:/plain", "./out:1")
        #expect(try command.read("out:1") == Data("plain".utf8))
        // Without a sign it is a place in a tree.
        #expect(try command.run("cp", "a:b", "main:/").status == 3)
        for arguments in [["plain", "main"], ["plain", "./x"], [":x", "main:/"]] {
            #expect(try command.start(["cp"] + arguments).wait().status == 2, "\(arguments)")
        }
        #expect(try command.run("cp", "main:/plain", "main").error.contains("write main:/"))
        #expect(try command.names().filter { $0 == "main" || $0 == "x" }.isEmpty)
        // The directories of import and export are always here.
        _ = try command.shell("mkdir d:e; echo 1 > d:e/f")
        try run("import", "d:e", "--branch", "dev")
        try run("export", "dev", "e:f")
        #expect(try command.names("e:f") == ["f"])
    }

    /// What put stored comes into a tree under its name, as a file that was there or not.
    @Test func aStoredFileComesIntoATree() throws {
        try command.write("large", Data((0..<100_000).map { UInt8($0 % 251) }))
        try run("put", "large", "--root", "image")
        let cid = try run("put", "large").lines[0]
        try run("cp", "image:/", "main:/disk")
        #expect(try run("stat", "main:/disk", "--json").object()["cid"] as? String == cid)
        try run("chmod", "600", "main:/disk")
        try command.write("small", Data("text".utf8))
        let small = try run("put", "small").lines[0]
        try run("cp", "\(small):/", "main:/disk")
        let entry = try run("stat", "main:/disk", "--json").object()
        #expect(try run("cat", "main:/disk").output == "text" && entry["mode"] as? String == "0600")
        try run("cp", "\(cid):", "main:/other")
        try run("cp", "main:/other", "./out")
        #expect(try command.read("out") == command.read("large"))
        try run("mkdir", "main:/directory")
        #expect(try command.run("cp", "image:/", "main:/directory").status != 0)
        #expect(try command.run("cp", "image:/within", "main:/x").status != 0)
    }

    @Test func directoriesGoInAndOut() throws {
        _ = try command.shell(
            "mkdir -p dir/sub; echo 1 > dir/sub/f; ln -s sub/f dir/link; ln dir/sub/f dir/hard; mkdir out")
        #expect(try command.run("cp", "dir", "main:/").error.contains("give -r"))
        try run("mkdir", "main:/there")
        try run("cp", "-r", "dir", "main:/there")
        #expect(
            try paths("main:") == [
                "there/", "there/dir/", "there/dir/hard", "there/dir/link", "there/dir/sub/",
                "there/dir/sub/f",
            ])
        try run("cp", "-r", "dir", "main:/new")
        #expect(try run("cat", "main:/new/link").output == "1\n")
        // Each is a copy of its own, and its hard links are among themselves.
        let links = try ["main:/new/hard", "main:/new/sub/f", "main:/there/dir/hard"].map {
            try #require(try run("stat", $0, "--json").object()["hard_link"] as? String)
        }
        #expect(links[0] == links[1] && links[0] != links[2])
        let again = try command.run("cp", "-r", "dir", "main:/there")
        #expect(again.status == 1 && again.error.contains("ipldstore import dir main:/there/dir"))
        // What is in a directory becomes what is in another, or is refused where that is there.
        try run("cp", "-r", "dir/.", "main:/contents")
        #expect(try run("cat", "main:/contents/link").output == "1\n")
        let there = try command.run("cp", "-r", "dir/.", "main:/contents")
        #expect(there.status == 1 && there.error.contains("ipldstore import dir/. main:/contents makes"))
        let whole = try command.run("cp", "-r", "dir/./", "main:/")
        #expect(whole.status == 1 && whole.error.contains("ipldstore import dir/./ main:/ makes"))
        #expect(try command.run("cp", "main:/new", "copy").error.contains("give -r"))
        try run("cp", "-r", "main:/new", "copy")
        try run("cp", "-r", "main:/new", "out")
        try run("cp", "main:/new/sub/f", "out")
        for path in ["copy", "out/new"] {
            #expect(try command.shell("diff -r dir \(path) && readlink \(path)/link").lines == ["sub/f"])
        }
        #expect(try command.names("out") == ["f", "new"])
        #expect(try command.run("cp", "-r", "main:/new", "copy/sub/f").status == 1)
        #expect(try command.shell("\"$IPLDSTORE_EXECUTABLE\" cp main:/new/sub/f - | cat").output == "1\n")
        #expect(try run("cp", "-r", "dir", "main:/json", "--json").object()["branch"] as? String == "main")
        #expect(try command.isClean())
    }

    @Test func aDirectoryOfABranchBecomesWhatOneHereIs() throws {
        _ = try command.shell("mkdir -p dir/sub; echo 1 > dir/a; echo 2 > dir/sub/b")
        try run("mkdir", "-p", "main:/project")
        try run("touch", "main:/project/old", "main:/beside")
        let first = try run("import", "dir", "main:/project").line
        #expect(try paths("main:") == ["beside", "project/", "project/a", "project/sub/", "project/sub/b"])
        #expect(try run("ls", "-a", "main:/project").lines == ["a", "old (removed)", "sub"])
        let unchanged = try run("import", "dir", "main:/project", "--json").object()
        #expect(unchanged["unchanged"] as? Bool == true && unchanged["version"] as? String == first)
        try run("import", "dir", "main:/project/deeper")
        #expect(try run("cat", "main:/project/deeper/sub/b").output == "2\n")
        #expect(try run("log", "main", "-n", "1").line.hasSuffix("\timport dir main:/project/deeper"))
        #expect(try command.run("import", "dir", "main:/beside").status == 1)
        #expect(try command.run("import", "dir", "main:/none/x").status == 3)
        for place in ["none:/x", "none:/", "none:"] {
            let refused = try command.run("import", "dir", place)
            #expect(refused.status == 3 && refused.error.contains("import --branch makes one"), "\(place)")
        }
        #expect(try run("branch").lines.count == 1)
        #expect(try command.run("import", "dir", "main:/x", "--branch", "main").status == 2)
        #expect(try command.run("import", "dir", "main").status == 2)
        // All of it, as with --branch.
        try run("import", "dir", "main:/")
        #expect(try paths("main:") == ["a", "sub/", "sub/b"])
        #expect(try command.isClean())
    }

    @Test func modesAreGivenInLettersToo() throws {
        try run("mkdir", "-p", "main:/d/e")
        try run("touch", "main:/d/f")
        func mode(_ path: String) throws -> String? {
            try run("stat", "main:\(path)", "--json").object()["mode"] as? String
        }
        for (change, wanted) in [
            ("u+x", "0744"), ("go-r", "0700"), ("a=r", "0444"), ("u+w,g=u", "0664"), ("+x", "0775"),
            ("o=", "0770"), ("u+s,g+s", "6770"), ("+t", "7770"), ("600", "0600"), ("go+rX", "0644"),
            ("u+x,go+X", "0755"), ("ug-s,u=rw,go=r", "0644"),
        ] {
            try run("chmod", change, "main:/d/f")
            #expect(try mode("/d/f") == wanted, "\(change)")
        }
        try run("chmod", "-R", "go-rwx,u+X", "main:/d")
        #expect(try mode("/d") == "0700" && mode("/d/e") == "0700" && mode("/d/f") == "0600")
        for bad in ["u", "x+r", "u+z", "10000", "u+rw,,", "u*r", ""] {
            #expect(try command.run("chmod", bad, "main:/d/f").status == 2, "\(bad)")
        }
    }

    @Test func ownersTimesAndAttributesAreSetAndShown() throws {
        try run("mkdir", "-p", "main:/d")
        try run("touch", "-d", "2020-02-03", "main:/d/f")
        try run("ln", "-s", "f", "main:/d/link")
        try run("chown", "-R", "1000:root", "main:/d")
        var object = try run("stat", "main:/d/f", "--json").object()
        #expect(object.integer("uid") == 1000 && object.integer("gid") == 0)
        #expect(object["modified"] as? String == "2020-02-03T00:00:00Z")
        try run("chown", ":7", "main:/d/f")
        try run("chown", "-h", "8", "main:/d/link")
        object = try run("stat", "main:/d/f", "--json").object()
        #expect(object.integer("uid") == 1000 && object.integer("gid") == 7)
        #expect(try run("stat", "main:/d/link", "--json").object().integer("uid") == 8)
        for bad in ["", ":", "no-such-user", "1:no-such-group", "-1"] {
            #expect(try command.run("chown", "--", bad, "main:/d").status == 2, "\(bad)")
        }
        try run("xattr", "set", "main:/d/f", "user.one", "1")
        try run("xattr", "set", "main:/d/f", "user.two", "a\tb")
        #expect(try run("xattr", "ls", "main:/d/f").lines == ["user.one\t1", "user.two\ta\\x09b"])
        #expect(try run("xattr", "get", "main:/d/link", "user.two").output == "a\tb")
        let all = try run("xattr", "ls", "main:/d/f", "--json").array()
        #expect(all.map { $0["value"] as? String } == ["1", "a\tb"])
        try run("xattr", "rm", "main:/d/f", "user.one")
        #expect(try command.run("xattr", "get", "main:/d/f", "user.one").status == 3)
        #expect(try command.run("xattr", "rm", "main:/d/f", "user.one").status == 3)
        let shown = try run("stat", "main:/d/f").lines
        #expect(shown[0] == "main:/d/f" && shown.contains("  mode: 0644 -rw-r--r--"))
        #expect(try run("stat", "main:/d", "main:/d/f", "--json").array().count == 2)
        #expect(try command.run("stat", "main:/none").status == 3)
    }

    @Test func directoriesAreListedWithThoseBelow() throws {
        try run("mkdir", "-p", "main:/a/b", "main:/c")
        try run("touch", "main:/a/b/f", "main:/top")
        #expect(
            try run("ls", "-R", "main:").output
                == "/:\na\nc\ntop\n\n/a:\nb\n\n/a/b:\nf\n\n/c:\n")
        #expect(try run("ls", "-R", "main:/a").output == "/a:\nb\n\n/a/b:\nf\n")
        let entries = try run("ls", "-R", "main:", "--json").array()
        #expect(entries.map { $0["path"] as? String } == ["a", "c", "top", "a/b", "a/b/f"])
    }
}
