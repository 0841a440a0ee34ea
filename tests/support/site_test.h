/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site of a test program, made anew for each of its tests, and what most
 * of them ask of it.  An expectation that fails ends the test.
 */
#ifndef PN_TESTS_SITE_TEST_H
#define PN_TESTS_SITE_TEST_H

#include "check.h"
#include "site.h"

extern struct site site;

/* For cmocka; *state is not looked at. */
int site_set_up(void **state);
int site_tear_down(void **state);

#define SITE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, site_set_up, site_tear_down)

/* The last change was refused with this status, and this code. */
void refused(unsigned status, unsigned expected, const char *code);
/* … for one field: 422, its pointer and its code. */
void refused_field(unsigned status, const char *pointer, const char *code);

/* Members of json replace those of the present policy, by the local caller. */
void set_policy(const char *json);

/* The newest audit event; all zero when there is none. */
struct pn_audit_event newest_event(void);

/* text is there and holds part. */
bool says(const char *text, const char *part);

#endif
