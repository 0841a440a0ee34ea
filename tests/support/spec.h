/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON descriptions of an index, for tests: records without posternd.
 *
 * Ids are made from names, so that every description and every later change
 * agrees on them.  Whatever is wrong ends the program with a sentence.
 */
#ifndef PN_TESTS_SPEC_H
#define PN_TESTS_SPEC_H

#include "base/json.h"
#include "index/writer.h"

void die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* End the program unless err is PN_OK. */
void must(enum pn_err err, const char *what);

/*
 * Put what doc describes, between begin and commit: members policy, apps,
 * owners, tokens, and delete {tokens, apps, owners}, all optional
 * (mkindex --help).  A token without text is made and printed: "NAME TEXT".
 */
void spec_apply(struct pn_index_writer *writer, json_t *doc);

/* A policy that lets everybody make and use tokens, for benches. */
void spec_open_policy(struct pn_index_writer *writer);

uint64_t spec_id(const char *kind, const char *name);

/* As if somebody had revoked it: "pst_…" or 64 hex digits. */
void spec_hash(const char *text, struct pn_hash *out);

#endif
