/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What posternd does instead of serving: "posternd NOUN VERB [OPTION]...", on
 * the store and index that the configuration names.  One row an act
 * (offline.c); docs/man/posternd.8 has the same (a test compares).
 */
#ifndef PN_DAEMON_OFFLINE_H
#define PN_DAEMON_OFFLINE_H

#include "daemon/config.h"
#include "daemon/store/store.h"

/* What the shell is told, as by postern(1). */
enum pn_offline_exit {
    PN_OFFLINE_OK = 0,
    PN_OFFLINE_ERROR = 1,
    PN_OFFLINE_USAGE = 2,
    PN_OFFLINE_FOUND = 3, /* it ran, and found something */
};

enum { PN_OFFLINE_OPTIONS_MAX = 8 };

/* One option, long form only.  A list ends with a name of NULL. */
struct pn_offline_option {
    const char *name;  /* "checkpoint" */
    const char *value; /* "HASH@POSITION"; NULL for a switch */
    const char *help;
};

/* One call of an act: everything lives until it returns. */
struct pn_offline_call {
    const struct pn_offline_act *act;
    const struct pn_config *config;
    struct pn_arena *arena;
    /* In the order of act->options: NULL = not given; a switch that was: "". */
    const char *value[PN_OFFLINE_OPTIONS_MAX];
};

struct pn_offline_act {
    const char *noun, *verb;
    const char *summary; /* a line */
    const char *details; /* further lines */
    const char *example;
    const struct pn_offline_option *options; /* besides --config and --help */
    enum pn_offline_exit (*run)(struct pn_offline_call *call);
};

/* Run the act that argv names: argv[1] is its noun.  Returns the exit status.
 * posternd has one thread then. */
int pn_offline_main(int argc, char **argv);

/* "posternd: …" on standard error; control bytes become "?". */
void pn_offline_say(const char *format, ...) PN_PRINTF(1, 2);
/* The store of the configuration, never changed; NULL after saying why. */
struct pn_store *pn_offline_store(const struct pn_offline_call *call);

/* --- the acts, one file a noun ------------------------------------------- */

extern const struct pn_offline_act pn_offline_audit_verify;
extern const struct pn_offline_act pn_offline_index_check;
extern const struct pn_offline_act pn_offline_index_rebuild;

#endif
