// The ten things one does, with handles that give themselves back: a tour from making a store to its end.
//
//     tour NEW-DIRECTORY
#include <ipldstore.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace {

void should(bool condition, const char *what) {
    if (!condition) {
        std::cerr << "not so: " << what << "\n";
        std::exit(1);
    }
}

int tour(const std::string &directory) {
    std::filesystem::create_directory(directory);
    std::string path = directory + "/images", fork_path = directory + "/fork";
    ips::Store::create(path);
    ips::Store store = ips::Store::open(path);
    std::cout << store.information().layout << "\n";

    // Bytes in, under a name, in one step.
    std::string image(1000000, 'x');
    for (std::size_t i = 0; i < image.size(); i += 7)
        image[i] = static_cast<char>(i * 31 >> 3);
    ips::Batch batch = store.batch();
    ips::Cid cid = batch.put(image);
    batch.set_root("images/debian", cid);
    batch.commit();
    should(store.get(cid) == image && store.size(cid) == image.size(), "bytes come back");

    // From and to functions; what they throw comes out of the call.
    std::size_t left = 300000;
    ips::Cid made = store.put_from([&](void *buffer, std::size_t capacity) {
        std::size_t count = std::min(left, capacity);
        std::fill_n(static_cast<char *>(buffer), count, 'y');
        left -= count;
        return count;
    });
    std::size_t counted = 0;
    store.copy_to(made, [&](const void *, std::size_t length) { counted += length; }, 100);
    should(counted == 299900, "a range comes back");
    try {
        store.copy_to(made, [](const void *, std::size_t) { throw std::out_of_range("mine"); });
        should(false, "the exception comes out");
    } catch (const std::out_of_range &error) {
        should(std::string(error.what()) == "mine", "it is the same one");
    }
    try {
        store.put_from([](void *, std::size_t capacity) { return capacity; },
                       [](std::uint64_t done) { return done < 50000000; });
        should(false, "progress stops a call");
    } catch (const ips::Error &error) {
        should(error.status() == IPS_CANCELLED, "progress stops a call");
    }

    // Change a file; see what changed.
    ips::Writer writer = store.writer(&cid);
    writer.write_at(500000, "changed");
    writer.append("more");
    ips::Cid changed = writer.commit();
    for (const ips_change &change : store.diff(cid, changed))
        std::cout << "changed: " << change.new_length << " bytes at " << change.new_offset << "\n";

    // Read anywhere. What dies while a reader is open, of any file, is not collected before it is closed.
    {
        ips::Reader reader = store.reader(changed);
        char seven[7];
        should(reader.read_at(500000, seven, 7) == 7 && std::string(seven, 7) == "changed", "pread");
        should(reader.seek(-4, IPS_SEEK_END) == 1000000 && reader.read(seven, 7) == 4, "seek and read");
    }

    // A node that links, its value by path, a block in place.
    std::string node = "\xa1\x65image\xd8\x2a\x58\x25";
    node += '\0';
    node += cid.bytes();
    ips::Cid linking = store.put_node(node);
    should(store.get_node(linking) == node && ips::Cid((*store.links(linking).begin())) == cid, "a link");
    should(store.view(linking).bytes() == node, "a view");

    // Maps and lists of any size are changed in place, and gone through.
    ips::Cid map = store.edit_node(linking, "",
                                   {ips::set_key("name", "\x66"
                                                         "debian")});
    std::string keys;
    for (ips::Elements elements = store.elements(map); auto element = elements.next();)
        keys += element->key + " ";
    should(keys == "name image ", "shorter keys come first");

    // Forks, and compare and set.
    store.set_root("forks/1", changed);
    try {
        store.swap_root("forks/1", &cid, cid);
        should(false, "somebody else changed it");
    } catch (const ips::Error &error) {
        should(error.status() == IPS_CONFLICT, error.what());
    }
    for (const ips_root &root : store.roots())
        std::cout << root.name << " " << ips::Cid(root.cid) << "\n";

    // A fork: it reads through the store, which holds for it what it names.
    ips::Store::create_layer(fork_path, {path});
    {
        ips::Store fork = ips::Store::open(fork_path);
        fork.set_root("disk", fork.find_root("forks/1"));
        should(fork.get(changed).size() == 1000004, "a fork has what its base has");
        for (const ips_fork &known : store.forks())
            should(known.holds == 1, "the base knows it");
        ips::Store buffer = ips::Store::in_memory({fork.get()});
        ips::Cid note = buffer.put("a note");
        should(!fork.has(note) && fork.copy_from(buffer, note, "note").blocks == 1, "a buffer over it");
    }
    for (const ips_base &base : ips::Store::bases(fork_path))
        std::cout << "over " << base.identity << "\n";
    should(ips::Store::flatten(fork_path).blocks > 0, "it stands alone");

    // Space: delete, give holds back, collect.
    std::vector<ips::Cid> held;
    for (const ips_hold &hold : store.holds())
        held.push_back(hold.cid);
    for (const ips::Cid &one : held)
        store.dereference(one);
    std::cout << "deleting the fork would free " << store.usage({"forks/1"}).exclusive_bytes << " bytes\n";
    store.delete_root("forks/1");
    store.delete_root("images/debian");
    store.gc(IPS_NO_LIMIT);
    should(store.stat().blocks == 0, "the store is empty");

    // Check.
    ips_verify_report report = IPS_VERIFY_REPORT_INIT;
    for (const ips_problem &problem : store.verify(&report))
        std::cerr << problem.message << "\n";
    should(report.problems == 0 && report.missing_links == 0, "all is well");
    // A link to what is not here is no problem; it is counted and named.
    const ips::Cid absent = ips::Cid::of_block("elsewhere");
    store.put_node("\x81\xd8\x2a\x58\x25" + std::string(1, '\0') + absent.bytes());
    std::vector<ips::Cid> missing;
    store.verify(&report, {}, &missing);
    should(report.problems == 0 && report.missing_links == 1, "a link to nothing");
    should(missing == std::vector<ips::Cid>{absent}, "and to what");
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: tour NEW-DIRECTORY\n";
        return 2;
    }
    try {
        return tour(argv[1]);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
