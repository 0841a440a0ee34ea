/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Authorization header carries.  Which header gives which decision is
 * in tests/data/decisions/credentials.requests; here stands what only the
 * parser's own output shows.
 */
#include "check.h"

#include "base/base64.h"
#include "core/credential.h"

static const struct pn_prefixes known = {{{"pst_", 4}}, 1};
static char scratch_bytes[PN_CREDENTIAL_MAX];
static struct pn_buf scratch;

static struct pn_credential
parse(struct pn_str value)
{
    struct pn_credential out = {.kind = (enum pn_credential_kind) 99};

    scratch = PN_BUF(scratch_bytes);
    pn_credential_parse(value, &known, &scratch, &out);
    assert_int_equal(pn_credential_holds_token(&out), out.holds_token);
    return out;
}

/* "Basic", base64 of the pair, whatever follows. */
static struct pn_credential
parse_pair(struct pn_str pair, const char *behind)
{
    static char text[4096];
    struct pn_buf value = PN_BUF(text);

    pn_buf_add_cstr(&value, "Basic ");
    pn_base64_encode(pair.ptr, pair.len, &value);
    pn_buf_add_cstr(&value, behind);
    return parse(pn_buf_str(&value));
}

static struct pn_str
token(struct pn_secret *out)
{
    uint8_t entropy[32] = {1};

    assert_int_equal(pn_token_make(PN_STR("pst_"), entropy, out), PN_OK);
    return (struct pn_str){out->bytes, out->len};
}

static void
test_a_token_gives_its_hash_and_the_user(void **state)
{
    struct pn_secret secret;
    struct pn_str text = token(&secret);
    struct pn_hash want;
    struct pn_credential got;
    char pair[128];
    int len = snprintf(pair, sizeof(pair), "alice:%s", text.ptr);

    (void) state;
    pn_hash_of(text, &want);
    got = parse_pair((struct pn_str){pair, (size_t) len}, "");
    assert_int_equal(got.kind, PN_CREDENTIAL_TOKEN);
    assert_int_equal(got.scheme, PN_SCHEME_BASIC);
    assert_true(got.holds_token);
    assert_memory_equal(&got.hash, &want, sizeof(want));
    assert_true(pn_str_eq(got.user, PN_STR("alice")));
    assert_ptr_equal(got.user.ptr, scratch_bytes); /* as the header promises */
}

static void
test_no_header_is_the_zero_value(void **state)
{
    struct pn_credential zero, got = parse(PN_STR(""));

    (void) state;
    memset(&zero, 0, sizeof(zero));
    assert_int_equal(got.kind, zero.kind);
    assert_int_equal(got.scheme, zero.scheme);
    assert_false(got.holds_token);
}

static void
test_latin1_names_become_utf8(void **state)
{
    struct pn_credential got = parse_pair(PN_STR("j\xf6rg\xff:x"), "");

    (void) state;
    assert_int_equal(got.kind, PN_CREDENTIAL_PASSWORD);
    assert_true(pn_str_eq(got.user, PN_STR("j\xc3\xb6rg\xc3\xbf")));
    assert_ptr_equal(got.user.ptr, scratch_bytes);
}

static void
test_names_are_at_most_255_bytes_of_utf8(void **state)
{
    char pair[512];

    (void) state;
    memset(pair, 'a', sizeof(pair));
    pair[255] = ':';
    assert_int_equal(parse_pair((struct pn_str){pair, 260}, "").kind,
                     PN_CREDENTIAL_PASSWORD);
    pair[255] = 'a';
    pair[256] = ':';
    assert_int_equal(parse_pair((struct pn_str){pair, 260}, "").kind,
                     PN_CREDENTIAL_MALFORMED);
    memset(pair, 0xe4, 128); /* 256 bytes once they are UTF-8 */
    pair[128] = ':';
    assert_int_equal(parse_pair((struct pn_str){pair, 140}, "").kind,
                     PN_CREDENTIAL_MALFORMED);
    memset(pair, 0xe4, 127);
    pair[127] = ':';
    assert_int_equal(parse_pair((struct pn_str){pair, 140}, "").user.len, 254);
}

static void
test_a_header_over_the_maximum_is_malformed(void **state)
{
    static char value[PN_CREDENTIAL_MAX + 1];
    struct pn_credential got;

    (void) state;
    memset(value, 'A', sizeof(value));
    memcpy(value, "Bearer ", 7);
    got = parse((struct pn_str){value, sizeof(value)});
    assert_int_equal(got.kind, PN_CREDENTIAL_MALFORMED);
    assert_true(got.holds_token); /* nobody looked: assume the worst */
    assert_int_equal(parse((struct pn_str){value, PN_CREDENTIAL_MAX}).kind,
                     PN_CREDENTIAL_FOREIGN);
    memcpy(value, "Digest ", 7);
    assert_int_equal(parse((struct pn_str){value, sizeof(value)}).kind,
                     PN_CREDENTIAL_NONE);
}

static void
test_a_small_scratch_fails_closed(void **state)
{
    char bytes[4];
    struct pn_buf small = PN_BUF(bytes);
    struct pn_credential got;

    (void) state;
    pn_credential_parse(PN_STR("Basic YWxpY2U6c2VjcmV0"), &known, &small, &got);
    assert_int_equal(got.kind, PN_CREDENTIAL_MALFORMED);
    small = PN_BUF(bytes);
    pn_credential_parse(PN_STR("Basic 5OTkOg=="), &known, &small, &got);
    assert_int_equal(got.kind, PN_CREDENTIAL_MALFORMED); /* widened: 6 bytes */
}

/* An application behind a location that is off may read leniently. */
static void
test_a_token_is_seen_in_malformed_values(void **state)
{
    (void) state;
    assert_true(parse_pair(PN_STR("alice:pst_x\n"), "").holds_token);
    assert_true(parse_pair(PN_STR("alice:pst_xyz"), "====").holds_token);
    assert_true(parse_pair(PN_STR("alice:pst_xyz"), "!").holds_token);
    assert_true(parse_pair(PN_STR("pst_xyz"), "").holds_token);
    assert_true(parse_pair(PN_STR("pst_x\n:"), "").holds_token);
    assert_true(parse_pair(PN_STR("pst_x:"), "").holds_token);
    assert_true(parse(PN_STR("Basic pst_x")).holds_token);
    assert_true(parse(PN_STR("Bearer pst_x,y")).holds_token);
    assert_true(parse(PN_STR("Bearer pst_x")).holds_token);
    assert_false(parse_pair(PN_STR("alice:secret\n"), "").holds_token);
    assert_false(parse_pair(PN_STR("alice:secret"), "!").holds_token);
    assert_false(parse(PN_STR("Basic !")).holds_token);
    assert_false(parse(PN_STR("Bearer x,y")).holds_token);
    assert_false(parse(PN_STR("Digest pst_x")).holds_token);
}

static void
test_a_misplaced_token_is_not_the_user(void **state)
{
    struct pn_credential got = parse_pair(PN_STR("pst_abc:x"), "");

    (void) state;
    assert_int_equal(got.kind, PN_CREDENTIAL_MISPLACED);
    assert_int_equal(got.user.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_token_gives_its_hash_and_the_user),
        cmocka_unit_test(test_no_header_is_the_zero_value),
        cmocka_unit_test(test_latin1_names_become_utf8),
        cmocka_unit_test(test_names_are_at_most_255_bytes_of_utf8),
        cmocka_unit_test(test_a_header_over_the_maximum_is_malformed),
        cmocka_unit_test(test_a_small_scratch_fails_closed),
        cmocka_unit_test(test_a_token_is_seen_in_malformed_values),
        cmocka_unit_test(test_a_misplaced_token_is_not_the_user),
    };

    return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
