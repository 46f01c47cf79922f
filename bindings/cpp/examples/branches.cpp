/* File systems through ipldstore.hpp: a branch, edits, a fork, differences, a merge; and what is thrown. */
#include "ipldstore.hpp"

#include <iostream>

namespace {

void should(bool is_so, const char *what) {
    if (!is_so)
        throw std::logic_error(what);
}

/* The status that a function's Error has, or 0. */
template <typename Body> ips_status status_of(Body &&body) {
    try {
        body();
        return IPS_OK;
    } catch (const ips::Error &error) {
        return error.status();
    }
}

void looks(ips::FileSystem fs, ips::Tree &tree, const ips::Cid &version) {
    ips_fs_entry entry = tree.stat("etc/hosts");
    should(entry.kind == IPS_FS_FILE && entry.size == 10 && entry.uid == 7, "metadata");
    should(tree.stat("link", false).kind == IPS_FS_SYMLINK && tree.read_link("link") == "etc/hosts", "link");
    should(tree.read("link") == "localhost\n" && tree.exists("etc/../link"), "paths");
    should(tree.attribute("etc", "user.note") == "settings", "attribute");
    should(tree.attributes("etc") == std::vector<std::string>{"user.empty", "user.note"}, "attributes");
    std::string names;
    for (const auto &[name, found] : tree.walk())
        names += name + (found.kind == IPS_FS_DIRECTORY ? "/ " : " ");
    should(names == "etc/ etc/hosts link " + std::string(300, 'n') + " null ", "a walk");
    for (const auto &named : tree.list("/", "l"))
        std::cout << named.name.substr(0, 10) << " " << named.entry.size << "\n";
    for (const auto &found : fs.history(version))
        std::cout << found.version.message << "\n";
    should(status_of([&] { tree.rename("etc", "etc/etc"); }) == IPS_INVALID, "into its own subtree");
    should(status_of([&] { tree.stat("nothing"); }) == IPS_NOT_FOUND, "nothing is there");
    should(status_of([&] { tree.open("link").write_at(0, "x"); }) == IPS_INVALID, "opened for reading");
}

/* Calls that take long stop when they are told to. */
void stops(ips::FileSystem fs, const ips::Cid &first, const ips::Cid &theirs) {
    ips::Progress never = [](std::uint64_t) { return false; };
    ips::Tree tree = fs.open(&first);
    tree.write("etc/new", "x");
    fs.fork(first, "stopped");
    should(status_of([&] { tree.commit("stopped", "", "", never); }) == IPS_CANCELLED, "a commit stops");
    should(fs.branch("stopped") == first, "nothing was committed");
    const ips::Cid committed = tree.commit("stopped");
    should(fs.branch("stopped") == committed, "the branch is moved");
    should(fs.open(&committed).read("etc/new") == "x", "the tree had its changes still");
    should(status_of([&] { fs.overlay(theirs, first, never); }) == IPS_CANCELLED, "an overlay");
    should(status_of([&] { fs.diff(first, theirs, IPS_FS_RENAMES, never); }) == IPS_CANCELLED, "a diff");
    should(status_of([&] { fs.prune("stopped", 1, INT64_MAX, never); }) == IPS_CANCELLED, "pruning");
    should(status_of([&] { fs.drop_tombstones("stopped", INT64_MAX, never); }) == IPS_CANCELLED, "dropping");
    should(status_of([&] { fs.delete_branch("stopped", never); }) == IPS_CANCELLED, "deleting");
    auto history = fs.history(theirs, "issue");
    should(status_of([&] { history.next(never); }) == IPS_CANCELLED, "a history");
    should(history.next().has_value(), "it goes on");
}

/* What is made from something keeps it, also in one expression. */
void keeps(const std::string &path) {
    auto names = ips::Store::open(path).fs().open_branch("main").list("/");
    unsigned count = 0;
    for (const auto &found : names)
        count += found.name.empty() ? 0 : 1;
    should(count > 0, "an iterator keeps its tree");
    ips::Store store = ips::Store::open(path);
    for (const auto &found : store.fs().open_branch("main").walk())
        count += found.name.empty() ? 0 : 1;
    should(count > 1, "in a loop, too");
    ips::File file = store.fs().open_branch("main").open("etc/hosts");
    should(file.size() > 0, "a file keeps its tree");
    ips::Writer writer = store.batch().writer();
    writer.append("kept");
    const ips::Cid written = writer.commit();
    should(written == store.put("kept"), "a writer keeps its batch");
    // Moving a tree over another one leaves the file with what it was opened in.
    ips::Tree tree = store.fs().open_branch("main");
    ips::File other = tree.open("etc/hosts");
    tree = store.fs().open_branch("nothing");
    should(other.size() == file.size() && !tree.exists("etc"), "a file of a tree that was moved over");
}

/* Branches and tags of one store in another. */
void copies(const ips::FileSystem &fs) {
    ips::Progress never = [](std::uint64_t) { return false; };
    ips::Store store = ips::Store::in_memory();
    ips::FileSystem other = store.fs();
    const ips::Cid newest = fs.branch("main");
    should(status_of([&] { other.copy_branch(fs, newest, "main", 0, false, never); }) == IPS_CANCELLED,
           "a copy stops");
    ips::BranchCopy copy = other.copy_branch(fs, newest, "main", 2);
    should(copy.versions == 2 && copy.report.blocks > 0 && other.branch("main") == newest, "two versions");
    should(other.copy_branch(fs, newest, "main").versions > 0, "and those before them");
    ips::Tree tree = other.open_branch("main");
    tree.write("other", "x");
    tree.commit("main");
    const ips::Cid before = other.branch("main");
    const ips::Cid tagged = fs.previous(newest).next().value();
    should(status_of([&] { other.copy_branch(fs, tagged, "main"); }) == IPS_CONFLICT, "it went on");
    other.copy_branch(fs, tagged, "main", 0, true);
    should(other.branch("main") == tagged && before != tagged, "forced");
    // C would see another name.
    should(status_of([&] { other.delete_branch(std::string("main\0-backup", 12)); }) == IPS_INVALID, "NUL");
    should(other.branches() == std::map<std::string, ips::Cid>{{"main", tagged}}, "branches");
    other.copy_tag(fs, tagged, "tag");
    should(status_of([&] { other.copy_tag(fs, newest, "tag"); }) == IPS_EXISTS, "the tag is there");
    other.copy_tag(fs, newest, "tag", true);
    should(other.tags() == std::map<std::string, ips::Cid>{{"tag", newest}}, "the tag is moved");
    should(fs.branch_usage("main").logical_bytes == fs.open_branch("main").stat("/").size, "usage");
    should(status_of([&] { fs.branch_usage("main", never); }) == IPS_CANCELLED, "counting stops");
}

void run(const std::string &path) {
    ips::Store::create(path);
    ips::Store store = ips::Store::open(path);
    ips::FileSystem fs = store.fs();

    ips::Tree tree = fs.open_branch("main");
    tree.make_directory("etc/init", 0755, true);
    tree.remove("etc/init");
    tree.write("etc/hosts", "localhost\n");
    tree.set_owner("etc/hosts", 7, UINT32_MAX);
    tree.set_mode("etc/hosts", 0600);
    tree.set_time("etc/hosts", 1000000000, 5);
    tree.make_symlink("link", "etc/hosts");
    tree.make_node("null", IPS_FS_CHARACTER_DEVICE, 0666, 1, 3);
    tree.write(std::string(300, 'n'), "");
    tree.set_attribute("etc", "user.note", "settings");
    tree.set_attribute("etc", "user.empty", "");
    tree.set_attribute("etc", "user.gone", "x");
    tree.set_attribute_value("etc", "user.gone", std::string("\x82\x01\x02"));
    should(tree.attribute_value("etc", "user.gone") == "\x82\x01\x02", "a value of another kind");
    tree.remove_attribute("etc", "user.gone");
    tree.set_sync("etc", IPS_FS_SYNC_DEFAULT, true);
    // What is stored already, of any size; it goes out by the CID that its entry has.
    ips::Cid disk = store.put(std::string(100000, 'd'));
    tree.put_file("etc/disk", disk, 0600);
    should(tree.stat("etc/disk").cid == disk && tree.read("etc/disk").size() == 100000, "a stored file");
    tree.remove("etc/disk");
    {
        // What is not committed is forgotten.
        ips::File file = tree.open("etc/hosts", IPS_FS_WRITE | IPS_FS_TRUNCATE);
        file.write_at(3, "lost");
    }
    ips::Cid first = tree.commit("main", "the first version", "somebody");
    looks(fs, tree, first);
    keeps(path);

    fs.fork(first, "dev");
    ips::Tree dev = fs.open_branch("dev");
    dev.rename("etc/hosts", "hosts");
    dev.copy("etc", "copy");
    dev.write("issue", "theirs\n");
    ips::Cid theirs = dev.commit("dev", "theirs");
    tree.write("issue", "ours\n");
    tree.link("issue", "issue.too");
    ips::File file = tree.open("etc/hosts", IPS_FS_WRITE);
    file.write_at(file.size(), "more\n");
    file.truncate(file.size() - 1);
    file.commit();
    ips::Cid ours = tree.commit("main", "ours");
    for (const auto &difference : fs.diff(first, theirs, IPS_FS_RENAMES))
        should(difference.old_path.empty() || difference.old_path == "etc/hosts", "what was renamed");

    // A commit that comes second is kept, and merged.
    ips::Tree late = fs.open(&first);
    late.write("late", "x");
    try {
        late.commit("main", "late");
        should(false, "the branch was moved");
    } catch (const ips::LostRace &lost) {
        should(fs.merge("main", lost.version()).outcome == IPS_FS_MERGED, "it is merged");
    }
    try {
        fs.merge("main", theirs);
        should(false, "both made a file of one name");
    } catch (const ips::MergeConflict &conflict) {
        for (const ips::Conflict &one : conflict.conflicts())
            std::cout << one.kind << " " << one.path << "\n";
        should(!conflict.conflicts().empty(), "the conflicts are said");
    }
    // By hand, in a tree that is open; by a function; by a policy.
    {
        auto [open, conflicts] = fs.open_merge(fs.branch("main"), theirs);
        for (const ips::Conflict &one : conflicts)
            if (one.theirs.kind == IPS_FS_FILE)
                open.restore(one.path, theirs, one.path);
        should(open.read("issue") == "theirs\n", "decided by hand, and not committed");
    }
    ips::MergeOptions options;
    // Progress hears of long calls; what it stops has changed nothing, and what it throws comes out.
    options.policy = IPS_FS_BOTH;
    options.progress = [](std::uint64_t) { return false; };
    const ips::Cid before = fs.branch("main");
    should(status_of([&] { fs.merge("main", theirs, options); }) == IPS_CANCELLED, "a merge stops");
    should(fs.branch("main") == before, "nothing was merged");
    options.progress = [](std::uint64_t done) -> bool { throw std::out_of_range(std::to_string(done)); };
    try {
        fs.merge("main", theirs, options);
        should(false, "the exception comes out");
    } catch (const std::out_of_range &) {
    }
    options = {};
    options.decide = [](const ips::Conflict &conflict) -> std::int32_t {
        throw std::out_of_range(conflict.path);
    };
    try {
        fs.merge("main", theirs, options);
        should(false, "the exception comes out");
    } catch (const std::out_of_range &) {
    }
    fs.fork(fs.branch("main"), "asked");
    options.decide = [](const ips::Conflict &) { return IPS_FS_THEIRS; };
    should(fs.merge("asked", theirs, options).outcome == IPS_FS_MERGED, "a function decides");
    should(fs.open_branch("asked").read("issue") == "theirs\n", "a function decided");
    fs.delete_branch("asked");
    options = {};
    options.policy = IPS_FS_BOTH;
    options.message = "merged";
    ips::Merge merge = fs.merge("main", theirs, options);
    ips::Tree merged = fs.open(&merge.version);
    should(merged.read("issue") == "ours\n" && merged.read("issue.theirs") == "theirs\n", "both");
    should(merged.exists("late") && fs.version(merge.version).previous_count == 2, "a merge");
    should(fs.branch("main") == merge.version, "the branch is moved");
    unsigned parents = 0;
    for (const ips_cid &parent : fs.previous(merge.version))
        parents += ips::Cid(parent) == theirs ? 1 : 2;
    should(parents == 3, "ours and theirs");
    should(fs.overlay(theirs, first).exists("issue"), "a layer over a base");
    stops(fs, first, theirs);
    copies(fs);

    // Directories of the host: out, and in again.
    const std::string directory = path + ".exported";
    bool has_heard = false;
    ips_fs_export_report exported = fs.export_to(
        first, directory, "etc", nullptr,
        ips::Watch([&](const ips_fs_transfer &done) { return has_heard = done.entries > 0 || true; }));
    should(exported.unmade == 0 && has_heard, "exported");
    should(fs.import(directory, "again").entries == exported.entries, "imported");
    should(fs.import(directory, "again").is_unchanged == 1, "nothing is new");
    ips_fs_import_options below = IPS_FS_IMPORT_OPTIONS_INIT;
    below.path = ips::Bytes("below");
    fs.import(directory, "again", &below);
    should(fs.open_branch("again").stat("below").kind == IPS_FS_DIRECTORY, "imported below a path");
    should(status_of([&] { fs.export_to(first, directory, "etc"); }) == IPS_EXISTS, "something is there");
    should(status_of([&] {
               fs.import(directory, nullptr, nullptr, ips::Watch([](const auto &) { return false; }));
           }) == IPS_CANCELLED,
           "progress stops a call");
    ips::Progress never = [](std::uint64_t) { return false; };
    should(status_of([&] { ips::remove_directory(directory, {}, never); }) == IPS_CANCELLED, "it stops");
    ips::remove_directory(directory);
    should(status_of([&] { ips::remove_directory(directory); }) == IPS_NOT_FOUND, "it is gone");

    fs.set_tag("v1", merge.version);
    should(status_of([&] { fs.set_tag("v1", first); }) == IPS_EXISTS, "the tag is there");
    should(fs.tag("v1") == merge.version, "a tag");
    fs.delete_tag("v1");
    should(fs.history(merge.version, "late").next().has_value(), "the history of a path");
    fs.delete_branch("dev");
    should(fs.prune("main", 1) > 0, "older versions go");
    fs.drop_tombstones("main", INT64_MAX);
    merged.make_cid_link("first", merge.version);
    merged.remove("etc", true);
    should(!merged.exists("etc"), "removed");
    std::cout << ips::library_version() << ": " << ips::build_info() << "\n";
    should(ours != theirs, "two versions");
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: branches NEW-DIRECTORY\n";
        return 2;
    }
    try {
        run(argv[1]);
        return 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
