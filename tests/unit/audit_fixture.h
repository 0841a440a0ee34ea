/* SPDX-License-Identifier: Apache-2.0 */
/* Events for the tests of the audit's store, and looks at them. */
#ifndef PN_TESTS_AUDIT_FIXTURE_H
#define PN_TESTS_AUDIT_FIXTURE_H

#include <stdio.h>

#include "base/str.h"
#include "daemon/store/chain.h"
#include "store_fixture.h"

/* actor, action, subject, personal. */
static inline void
add_from(struct fixture *f, const char *const text[4], int64_t at)
{
    struct pn_audit_event event = {.at = at,
                                   .actor = words(f, text[0]),
                                   .actor_kind = words(f, "session"),
                                   .action = words(f, text[1]),
                                   .subject = words(f, text[2]),
                                   .detail = words(f, "{}"),
                                   .personal = words(f, text[3]),
                                   .address = words(f, "192.0.2.7"),
                                   .request_id = words(f, "req_1")};

    assert_int_equal(pn_store_audit_add(f->store, &event), PN_OK);
}

static inline void
add_event(struct fixture *f, const char *action)
{
    const char *const text[4] = {"alice", action, "tok_1", ""};

    add_from(f, text, NOW);
}

/* What an act adds behind itself. */
static inline void
add_act(struct fixture *f, const char *action, const char *subject,
        const char *detail)
{
    struct pn_audit_event event = {.at = NOW,
                                   .actor = words(f, "local:root"),
                                   .actor_kind = words(f, "local"),
                                   .action = words(f, action),
                                   .subject = words(f, subject),
                                   .detail = words(f, detail)};

    assert_int_equal(pn_store_audit_add(f->store, &event), PN_OK);
}

static inline struct pn_audit_check
verify_with(struct fixture *f, struct pn_audit_check check)
{
    assert_int_equal(pn_store_audit_verify(f->store, &check), PN_OK);
    return check;
}

static inline struct pn_audit_check
verify(struct fixture *f)
{
    return verify_with(f, (struct pn_audit_check){.limit = 0});
}

static inline void
assert_holds(struct fixture *f, uint64_t events)
{
    struct pn_audit_check check = verify(f);

    if (check.bad != 0) {
        printf("# %llu: %s\n", (unsigned long long) check.bad, check.why);
    }
    assert_int_equal(check.bad, 0);
    assert_true(check.done);
    assert_int_equal(check.checked, events);
}

static inline struct pn_audit_list
page_of(struct fixture *f, struct pn_audit_query query)
{
    struct pn_audit_list list;

    query.page.cursor = query.page.cursor != NULL ? query.page.cursor : "";
    query.page.limit = query.page.limit != 0 ? query.page.limit : 100;
    assert_int_equal(pn_store_audit(f->store, &query, f->arena, &list), PN_OK);
    return list;
}

static inline struct pn_audit_event
event_at(struct fixture *f, uint64_t position)
{
    struct pn_audit_event event;

    assert_int_equal(pn_store_audit_event(f->store, position, f->arena, &event),
                     PN_OK);
    return event;
}

/* As somebody who owns the file: no trigger stops him. */
static inline void
tamper(struct fixture *f, const char *sql)
{
    assert_int_equal(database_open_audit(&f->db), 0);
    assert_int_equal(database_run(&f->db, sql), 0);
}

#endif
