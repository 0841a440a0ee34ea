/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses, ranges and rules: a table, and an oracle that works bit by bit
 * and set by set.
 */
#include "check.h"

#include "core/iprange.h"

static const char *cases;

static bool
range_holds(const struct pn_str *field)
{
    struct pn_iprange range = {.prefix = 77};
    struct pn_ip ip;
    enum pn_err err = pn_iprange_parse(field[0], &range);

    if (pn_str_eq(field[2], PN_STR("invalid"))) {
        return err != PN_OK && range.prefix == 77;
    }
    return err == PN_OK && pn_ip_parse(field[1], &ip) == PN_OK
           && pn_iprange_has(&range, &ip) == pn_str_eq(field[2], PN_STR("in"));
}

static void
test_ranges_hold_what_the_table_says(void **state)
{
    (void) state;
    check_cases(cases, 3, range_holds);
}

/* Bit i of an address, the first bit being 0. */
static unsigned
bit_of(const struct pn_ip *ip, unsigned i)
{
    return (unsigned) ip->bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool
oracle_has(const struct pn_iprange *range, const struct pn_ip *ip)
{
    for (unsigned i = 0; i < range->prefix; i++) {
        if (bit_of(&range->net, i) != bit_of(ip, i)) {
            return false;
        }
    }
    return true;
}

/*
 * An address space of 2^9: three bits at each of three places where bytes and
 * the mapped form meet, so that every prefix length is crossed.
 */
enum { SPACE = 1 << 9 };

static struct pn_ip
small_ip(unsigned n)
{
    struct pn_ip ip = {{[10] = 0xff, [11] = 0xff}};

    ip.bytes[0] = (uint8_t) ((n & 7) << 5);
    ip.bytes[11] = (uint8_t) (0xf8 | (n >> 3 & 7));
    ip.bytes[15] = (uint8_t) (n >> 6);
    return ip;
}

static void
test_every_prefix_agrees_with_the_bitwise_oracle(void **state)
{
    (void) state;
    for (unsigned net = 0; net < SPACE; net += 3) {
        for (unsigned prefix = 0; prefix <= 128; prefix++) {
            struct pn_iprange range = {.net = small_ip(net),
                                       .prefix = (uint8_t) prefix};
            bool sane = true;

            for (unsigned i = prefix; i < 128; i++) {
                sane = sane && bit_of(&range.net, i) == 0;
            }
            assert_int_equal(pn_iprange_sane(&range), sane);
            for (unsigned n = 0; sane && n < SPACE; n++) {
                struct pn_ip ip = small_ip(n);

                assert_int_equal(pn_iprange_has(&range, &ip),
                                 oracle_has(&range, &ip));
            }
        }
    }
    assert_false(pn_iprange_sane(&(struct pn_iprange){.prefix = 129}));
}

/*
 * Rules over addresses 10.0.0.0 to 10.0.0.3: every pair of lists that two of
 * the seven ranges (four single, two halves, the whole) can make.
 */
enum { RANGES = 7, ADDRESSES = 4 };

static struct pn_iprange
tiny_range(unsigned n)
{
    static const char *const texts[RANGES] = {
        "10.0.0.0",    "10.0.0.1",    "10.0.0.2",   "10.0.0.3",
        "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0/30"};
    struct pn_iprange range;

    assert_int_equal(pn_iprange_parse(pn_str_from(texts[n]), &range), PN_OK);
    return range;
}

/* Members of a range as a set of bits. */
static const unsigned members[RANGES + 1] = {1, 2, 4, 8, 3, 12, 15, 0};

static void
check_rules(const unsigned allow[2], const unsigned deny[2],
            enum pn_ipmode mode)
{
    struct pn_iprange lists[2][2];
    struct pn_iprules rules = {.mode = mode, lists[0], lists[1], 0, 0};
    unsigned in_allow = members[allow[0]] | members[allow[1]];
    unsigned in_deny = members[deny[0]] | members[deny[1]];

    for (int i = 0; i < 2; i++) {
        if (allow[i] < RANGES) {
            lists[0][rules.allow_count++] = tiny_range(allow[i]);
        }
        if (deny[i] < RANGES) {
            lists[1][rules.deny_count++] = tiny_range(deny[i]);
        }
    }
    for (unsigned n = 0; n < ADDRESSES; n++) {
        struct pn_ip ip = tiny_range(n).net;
        bool a = in_allow >> n & 1, d = in_deny >> n & 1;
        bool want = mode == PN_IP_DEFAULT_DENY ? a && !d : !(d && !a);

        assert_int_equal(pn_iprules_allow(&rules, &ip), want);
    }
}

static void
test_rules_agree_with_the_set_oracle(void **state)
{
    (void) state;
    for (unsigned n = 0; n < 4096; n++) { /* an eighth "range" is none */
        const unsigned allow[2] = {n & 7, n >> 3 & 7};
        const unsigned deny[2] = {n >> 6 & 7, n >> 9 & 7};

        check_rules(allow, deny, PN_IP_DEFAULT_DENY);
        check_rules(allow, deny, PN_IP_DEFAULT_ALLOW);
    }
}

static void
test_zeroed_rules_refuse_everybody(void **state)
{
    struct pn_iprules rules;
    struct pn_ip ip = small_ip(1);

    (void) state;
    memset(&rules, 0, sizeof(rules));
    assert_false(pn_iprules_allow(&rules, &ip));
}

static void
test_ranges_print_their_shortest_text(void **state)
{
    static const char *const texts[][2] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"192.0.2.7/32", "192.0.2.7"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"::/0", "::/0"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"2001:db8::1/128", "2001:db8::1"},
        {"::fffe:0:0/95", "::fffe:0:0/95"},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(texts); i++) {
        struct pn_iprange range;
        char bytes[64];
        struct pn_buf buf = PN_BUF(bytes);

        assert_int_equal(pn_iprange_parse(pn_str_from(texts[i][0]), &range),
                         PN_OK);
        pn_iprange_format(&range, &buf);
        assert_string_equal(pn_buf_cstr(&buf), texts[i][1]);
    }
}

static void
test_addresses_are_strict(void **state)
{
    static const struct pn_str bad[] = {
        {"", 0},
        {"10.0.0", 6},
        {"10.0.0.0.1", 10},
        {"010.0.0.1", 9},
        {"10.0.0.1 ", 9},
        {"10.0.0.1\0x", 10},
        {":::", 3},
        {"fe80::1%lo", 10},
        {"1.2.3.4:80", 10},
        {"::ffff:255.255.255.255:255.255.255.255.255.255", 46},
    };
    struct pn_ip ip;

    (void) state;
    for (size_t i = 0; i < PN_LEN(bad); i++) {
        assert_int_not_equal(pn_ip_parse(bad[i], &ip), PN_OK);
    }
}

static void
test_loopback_is_127_and_one(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } ips[] = {{"127.0.0.1", true},  {"127.255.255.255", true},
               {"128.0.0.1", false}, {"::1", true},
               {"::2", false},       {"::ffff:127.0.0.1", true},
               {"::", false},        {"::127.0.0.1", false}};

    (void) state;
    for (size_t i = 0; i < PN_LEN(ips); i++) {
        struct pn_ip ip;

        assert_int_equal(pn_ip_parse(pn_str_from(ips[i].text), &ip), PN_OK);
        assert_int_equal(pn_ip_is_loopback(&ip), ips[i].want);
    }
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_hold_what_the_table_says),
        cmocka_unit_test(test_every_prefix_agrees_with_the_bitwise_oracle),
        cmocka_unit_test(test_rules_agree_with_the_set_oracle),
        cmocka_unit_test(test_zeroed_rules_refuse_everybody),
        cmocka_unit_test(test_ranges_print_their_shortest_text),
        cmocka_unit_test(test_addresses_are_strict),
        cmocka_unit_test(test_loopback_is_127_and_one),
    };

    cases = argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests_name("iprange", tests, NULL, NULL);
}
