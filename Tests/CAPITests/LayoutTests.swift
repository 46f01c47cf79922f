import CIpldStore
import Testing

/// What Swift makes of the header; Sources/CIpldStore/layout.c holds the same numbers for C.
@Suite struct LayoutTests {
    @Test func sizes() {
        #expect(MemoryLayout<ips_error>.size == 512)
        #expect(MemoryLayout<ips_bytes>.size == 16)
        #expect(MemoryLayout<ips_cid>.size == 88)
        #expect(MemoryLayout<ips_root>.size == 344)
        #expect(MemoryLayout<ips_hold>.size == 352)
        #expect(MemoryLayout<ips_problem>.size == 608)
        #expect(MemoryLayout<ips_change>.size == 32)
        #expect(MemoryLayout<ips_node_change>.size == 56)
        #expect(MemoryLayout<ips_create_options>.size == 64)
        #expect(MemoryLayout<ips_base>.size == 4136)
        #expect(MemoryLayout<ips_fork>.size == 4152)
        #expect(MemoryLayout<ips_heal_report>.size == 24)
        #expect(MemoryLayout<ips_copy_report>.size == 32)
        #expect(MemoryLayout<ips_open_options>.size == 16)
        #expect(MemoryLayout<ips_store_information>.size == 520)
        #expect(MemoryLayout<ips_block_information>.size == 32)
        #expect(MemoryLayout<ips_gc_report>.size == 48)
        #expect(MemoryLayout<ips_usage>.size == 40)
        #expect(MemoryLayout<ips_stat>.size == 104)
        #expect(MemoryLayout<ips_verify_report>.size == 48)
        #expect(MemoryLayout<ips_repair_report>.size == 64)
    }

    @Test func places() {
        #expect(MemoryLayout<ips_error>.offset(of: \.message) == 8)
        #expect(MemoryLayout<ips_cid>.offset(of: \.version) == 16)
        #expect(MemoryLayout<ips_cid>.offset(of: \.digest) == 24)
        #expect(MemoryLayout<ips_root>.offset(of: \.name) == 88)
        #expect(MemoryLayout<ips_hold>.offset(of: \.owner) == 96)
        #expect(MemoryLayout<ips_problem>.offset(of: \.message) == 96)
        #expect(MemoryLayout<ips_change>.offset(of: \.new_offset) == 16)
        #expect(MemoryLayout<ips_node_change>.offset(of: \.position) == 24)
        #expect(MemoryLayout<ips_node_change>.offset(of: \.values) == 40)
        #expect(MemoryLayout<ips_create_options>.offset(of: \.hash) == 40)
        #expect(MemoryLayout<ips_open_options>.offset(of: \.owner) == 8)
        #expect(MemoryLayout<ips_store_information>.offset(of: \.warning) == 248)
        #expect(MemoryLayout<ips_store_information>.offset(of: \.kind) == 504)
        #expect(MemoryLayout<ips_fork>.offset(of: \.holds) == 48)
        #expect(MemoryLayout<ips_fork>.offset(of: \.path) == 56)
        #expect(MemoryLayout<ips_gc_report>.offset(of: \.is_complete) == 4)
        #expect(MemoryLayout<ips_stat>.offset(of: \.epoch) == 96)
    }

    @Test func theVersionIsTheHeaders() {
        let (major, minor, patch) = (IPS_VERSION_MAJOR, IPS_VERSION_MINOR, IPS_VERSION_PATCH)
        #expect(ips_version_number() == UInt32(10000 * major + 100 * minor + patch))
        #expect(String(cString: ips_version_string()) == "\(major).\(minor).\(patch)")
        #expect(String(cString: ips_build_info()).contains("LMDB"))
        for status in -30...30 { #expect(!String(cString: ips_strerror(ips_status(status))).isEmpty) }
        #expect(!String(cString: ips_strerror(.min)).isEmpty && !String(cString: ips_strerror(.max)).isEmpty)
    }
}
