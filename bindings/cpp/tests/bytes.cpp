// What ips::Bytes makes of arrays, pointers and ranges. Compiled with REFUSED, it must not compile.
//
//     bytes NEW-STORE
#include <ipldstore.hpp>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

void should(bool condition, const char *what) {
    if (!condition) {
        std::cerr << "not so: " << what << "\n";
        std::exit(1);
    }
}

std::string text(ips::Bytes bytes) {
    const ips_bytes plain = bytes;
    return {static_cast<const char *>(plain.data), plain.len};
}

const void *place(ips::Bytes bytes) { return ips_bytes(bytes).data; }

// A tag without NUL, and what lies behind it.
struct Header {
    char tag[4];
    char behind[8];
    std::string read() const { return text(tag); }
    ips::Cid put(ips::Store &store) const { return store.put(tag); }
};

void arrays() {
    const char elf[8] = {'\x7f', 'E', 'L', 'F', 0, 1, 2, 3};
    should(text(elf) == std::string("\x7f" "ELF\0\1\2\3", 8), "NULs inside of an array are its bytes");
    char changed[8] = {'\x7f', 'E', 'L', 'F', 0, 1, 2, 3};
    should(text(changed) == text(elf), "an array may be changed or not: it gives the same");
    should(text("debian") == "debian" && text("").empty(), "a literal is its text");
    should(text("a\0b") == std::string("a\0b", 3), "also one with a NUL in it");
    should(text(u8"text") == "text", "also one in UTF-8");

    const Header header = {{'T', 'A', 'G', '1'}, "behind!"};
    should(header.read() == "TAG1", "nothing is read behind an array");
    char name[64] = "debian";
    should(text(name).size() == 63, "a buffer is all that it has");
    should(text(std::string_view(name)) == "debian", "and a view of its text that");
    const char *pointer = name;
    char *changing = name;
    should(text(pointer) == "debian" && text(changing) == "debian" && text(+name) == "debian",
           "a pointer gives the text up to its NUL");
    should(place(name) == name && place(pointer) == name && place(header.tag) == header.tag,
           "nothing is copied");

    const unsigned char raw[3] = {1, 2, 0};
    const std::uint32_t numbers[2] = {1, 0};
    should(text(raw).size() == 3 && text(numbers).size() == 8, "an array of anything else is all of it");
}

void ranges() {
    const std::vector<std::uint16_t> numbers = {1, 2, 3};
    const std::array<float, 2> values = {1, 2};
    const std::vector<char> characters = {'a', 0};
    std::string changed = "text";
    should(text(numbers).size() == 6 && text(values).size() == 8, "numbers");
    should(text(characters) == std::string("a\0", 2), "a vector ends where it ends");
    should(text(changed) == "text" && text(std::string("text")) == "text", "strings");
    should(text(std::string_view("text", 2)) == "te" && text({changed.data(), 3}) == "tex", "parts of them");
    const std::vector<ips_change> changes(2);
    const char rows[2][4] = {{'a', 'b', 'c', 'd'}, {'e', 'f', 'g', 0}};
    should(text(changes).size() == 64 && text(rows).size() == 8, "plain structs, and rows of characters");
#if defined(REFUSED) && REFUSED == 1
    text(std::vector<std::string>{"a"});
#elif defined(REFUSED) && REFUSED == 2
    text(std::vector<const char *>{"a"});
#elif defined(REFUSED) && REFUSED == 3
    const char *names[] = {"a", "b"};
    text(names);
#elif defined(REFUSED) && REFUSED == 4
    text(std::array<std::string_view, 1>{"a"});
#endif
}

void stored(const std::string &path) {
    ips::Store::create(path);
    ips::Store store = ips::Store::open(path);
    const char elf[8] = {'\x7f', 'E', 'L', 'F', 0, 1, 2, 3};
    should(store.get(store.put(elf)) == std::string(elf, 8), "an array is stored whole");
    const Header header = {{'T', 'A', 'G', '1'}, "behind!"};
    should(store.get(header.put(store)) == "TAG1", "and nothing behind it");
    should(store.put("debian") == store.put(std::string("debian")), "a literal is stored as its text");
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: bytes NEW-STORE\n";
        return 2;
    }
    arrays();
    ranges();
    try {
        stored(argv[1]);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
    return 0;
}
