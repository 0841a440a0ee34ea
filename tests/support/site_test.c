/* SPDX-License-Identifier: Apache-2.0 */
/* The site of a test program. */
#include "site_test.h"

struct site site;

int
site_set_up(void **state)
{
    (void) state;
    site_new(&site);
    return 0;
}

int
site_tear_down(void **state)
{
    (void) state;
    site_free(&site);
    return 0;
}

void
refused(unsigned status, unsigned expected, const char *code)
{
    assert_int_equal(status, expected);
    assert_string_equal(site.fault.code, code);
}

void
refused_field(unsigned status, const char *pointer, const char *code)
{
    assert_int_equal(status, 422);
    assert_int_equal(site.fault.field_count, 1);
    assert_string_equal(site.fault.fields[0].pointer, pointer);
    assert_string_equal(site.fault.fields[0].code, code);
}

void
set_policy(const char *json)
{
    assert_int_equal(site_policy(&site, &site_local, json), 0);
}

struct pn_audit_event
newest_event(void)
{
    struct pn_audit_list list = {0};
    const struct pn_audit_query query = {.order = PN_AUDIT_NEWEST_FIRST,
                                         .page = {.cursor = "", .limit = 1}};
    const struct pn_audit_event none = {0};

    assert_true(pn_ops_audit(site.ops, &site_local, &query, site.arena, &list,
                             &site.fault));
    return list.count > 0 ? list.item[0] : none;
}

bool
says(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}
