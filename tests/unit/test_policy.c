/* SPDX-License-Identifier: Apache-2.0 */
/* Who may make a token, and until when it lives. */
#include "check.h"

#include "core/policy.h"

static const uint8_t staff_and_ops[] = {2, 0, 0, 0, 0, 0, 0, 0,
                                        5, 0, 0, 0, 0, 0, 0, 0};
static const struct pn_ids groups = {staff_and_ops, 2};

static struct pn_allowance
ask(bool enabled, const struct pn_grant *grants, uint16_t count, bool is_admin)
{
    const struct pn_creation creation = {
        .enabled = enabled,
        .grants = grants,
        .grant_count = count,
        .admin_max_days = 30,
        .default_days = 90,
    };
    struct pn_allowance out;

    pn_allowance_of(&creation, is_admin, groups, &out);
    return out;
}

static void
test_nobody_creates_while_creation_is_off_but_administrators(void **state)
{
    const struct pn_grant everyone = {0, 0};
    struct pn_allowance got = ask(false, &everyone, 1, false);

    (void) state;
    assert_false(got.may_create);
    assert_int_equal(got.why_not, PN_WHY_OFF);
    got = ask(false, &everyone, 1, true);
    assert_true(got.may_create);
    assert_int_equal(got.max_days, 30);
    assert_false(got.may_be_endless); /* the grant for everyone is off, too */
}

static void
test_members_create_and_others_do_not(void **state)
{
    const struct pn_grant ours = {5, 90}, others = {3, 90};
    struct pn_allowance got = ask(true, &ours, 1, false);

    (void) state;
    assert_true(got.may_create);
    assert_int_equal(got.granted_by, 5);
    got = ask(true, &others, 1, false);
    assert_false(got.may_create);
    assert_int_equal(got.why_not, PN_WHY_NO_GROUP);
    assert_false(ask(true, NULL, 0, false).may_create);
}

static void
test_the_most_generous_matching_grant_counts(void **state)
{
    const struct pn_grant grants[] = {{0, 7}, {2, 90}, {5, 30}, {3, 365}};
    const struct pn_grant with_endless[] = {{2, 90}, {5, 0}, {0, 400}};
    struct pn_allowance got = ask(true, grants, 4, false);

    (void) state;
    assert_int_equal(got.max_days, 90);
    assert_int_equal(got.granted_by, 2);
    got = ask(true, with_endless, 3, false);
    assert_true(got.may_be_endless);
    assert_int_equal(got.granted_by, 5);
    got = ask(true, grants, 4, true); /* an administrator is a member, too */
    assert_int_equal(got.max_days, 90);
    assert_int_equal(ask(true, grants, 1, true).max_days, 30);
}

enum { NOW = 1000000 };

static enum pn_err
end(struct pn_allowance allowance, struct pn_lifetime wanted, int64_t *out)
{
    *out = -7;
    return pn_lifetime_end(&allowance, 90, &wanted, NOW, out);
}

static const struct pn_allowance ten_days = {.may_create = true,
                                             .max_days = 10};
static const struct pn_allowance endless = {.may_create = true,
                                            .may_be_endless = true};

static void
test_the_default_is_the_lesser_of_default_and_maximum(void **state)
{
    int64_t at;

    (void) state;
    assert_int_equal(end(ten_days, (struct pn_lifetime){.days = 0}, &at),
                     PN_OK);
    assert_int_equal(at, NOW + 10 * PN_DAY_S);
    assert_int_equal(end(endless, (struct pn_lifetime){.days = 0}, &at), PN_OK);
    assert_int_equal(at, NOW + 90 * PN_DAY_S);
}

static void
test_lifetimes_end_at_their_maximum_and_not_past_it(void **state)
{
    static const struct {
        struct pn_lifetime wanted;
        enum pn_err err;
        int64_t at;
    } table[] = {
        {{PN_LIFETIME_DAYS, 1, 0}, PN_OK, NOW + PN_DAY_S},
        {{PN_LIFETIME_DAYS, 10, 0}, PN_OK, NOW + 10 * PN_DAY_S},
        {{PN_LIFETIME_DAYS, 11, 0}, PN_E_RANGE, -7},
        {{PN_LIFETIME_DAYS, 0, 0}, PN_E_RANGE, -7},
        {{PN_LIFETIME_DAYS, UINT32_MAX, 0}, PN_E_RANGE, -7},
        {{PN_LIFETIME_UNTIL, 0, NOW}, PN_E_RANGE, -7},
        {{PN_LIFETIME_UNTIL, 0, NOW + 1}, PN_OK, NOW + 1},
        {{PN_LIFETIME_UNTIL, 0, NOW + 10 * PN_DAY_S},
         PN_OK,
         NOW + 10 * PN_DAY_S},
        {{PN_LIFETIME_UNTIL, 0, NOW + 10 * PN_DAY_S + 1}, PN_E_RANGE, -7},
        {{PN_LIFETIME_UNTIL, 0, INT64_MAX}, PN_E_RANGE, -7},
        {{PN_LIFETIME_UNTIL, 0, INT64_MIN}, PN_E_RANGE, -7},
        {{PN_LIFETIME_ENDLESS, 0, 0}, PN_E_RANGE, -7},
        {{.kind = 99}, PN_E_RANGE, -7},
    };

    (void) state;
    for (size_t i = 0; i < PN_LEN(table); i++) {
        int64_t at;

        assert_int_equal(end(ten_days, table[i].wanted, &at), table[i].err);
        assert_int_equal(at, table[i].at);
    }
}

static void
test_endless_tokens_need_an_endless_grant(void **state)
{
    int64_t at;

    (void) state;
    assert_int_equal(
        end(endless, (struct pn_lifetime){.kind = PN_LIFETIME_ENDLESS}, &at),
        PN_OK);
    assert_int_equal(at, 0);
    assert_int_equal(
        end(endless, (struct pn_lifetime){PN_LIFETIME_DAYS, 36500, 0}, &at),
        PN_OK);
    assert_int_equal(
        end(endless, (struct pn_lifetime){PN_LIFETIME_DAYS, 36501, 0}, &at),
        PN_E_RANGE);
}

static void
test_who_may_not_create_gets_no_lifetime(void **state)
{
    int64_t at;

    (void) state;
    assert_int_equal(end((struct pn_allowance){.max_days = 10},
                         (struct pn_lifetime){.days = 0}, &at),
                     PN_E_PERMISSION);
    assert_int_equal(at, -7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_nobody_creates_while_creation_is_off_but_administrators),
        cmocka_unit_test(test_members_create_and_others_do_not),
        cmocka_unit_test(test_the_most_generous_matching_grant_counts),
        cmocka_unit_test(test_the_default_is_the_lesser_of_default_and_maximum),
        cmocka_unit_test(test_lifetimes_end_at_their_maximum_and_not_past_it),
        cmocka_unit_test(test_endless_tokens_need_an_endless_grant),
        cmocka_unit_test(test_who_may_not_create_gets_no_lifetime),
    };

    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
