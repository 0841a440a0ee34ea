/* SPDX-License-Identifier: Apache-2.0 */
/* The schema is written once, in SQLite's words; these are PostgreSQL's. */
#ifndef PN_DAEMON_STORE_POSTGRES_WORDS_H
#define PN_DAEMON_STORE_POSTGRES_WORDS_H

/*
 * The same statements for PostgreSQL: INTEGER is 64 bits wide, TEXT sorts by
 * its bytes, BLOB is called BYTEA, generated columns are STORED, and what
 * follows the last column (STRICT, WITHOUT ROWID) goes.  Words in quoted text
 * stay.  On the heap, the caller's; NULL without memory.
 */
char *pn_postgres_words(const char *sql);

#endif
