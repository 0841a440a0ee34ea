/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the command line: what a command is, what was typed, and how to
 * speak to the person who typed it.
 *
 * Data goes to standard output and nothing else does; messages go to standard
 * error.  Everything allocated lives in the run's arena and ends with it.
 */
#ifndef PN_CLI_CLI_H
#define PN_CLI_CLI_H

#include "base/arena.h"
#include "base/defs.h"

/* What the shell is told; documented in postern(1). */
enum pn_exit {
    PN_EXIT_OK = 0,
    PN_EXIT_ERROR = 1,
    PN_EXIT_USAGE = 2,   /* the command line itself was wrong */
    PN_EXIT_FOUND = 3,   /* doctor: it ran, and found something */
    PN_EXIT_SIGN_IN = 4, /* nobody is signed in, or not any more */
};

enum {
    PN_CLI_ARGS_MAX = 64,
    PN_CLI_GIVEN_MAX = 256, /* options on one command line */
    PN_CLI_ARENA_MAX = 256 << 20,
};

/* One option, long form only.  A list ends with a name of NULL. */
struct pn_option {
    const char *name;  /* "days" */
    const char *value; /* "N"; NULL for a switch */
    const char *help;
    enum { PN_ONCE = 0, PN_REPEAT } times;
};

struct pn_cli;

/* A row of the table of commands.  A list ends with a noun of NULL. */
struct pn_command {
    const char *noun;
    const char *verb;     /* NULL for a command of one word */
    const char *args;     /* "NAME"; "" for none */
    const char *summary;  /* one line, no full stop */
    const char *examples; /* command lines, each ended by a newline */
    const char *details;  /* paragraphs for help and manual; NULL for none */
    const struct pn_option *options;
    uint8_t min_args, max_args;
    enum {
        PN_NEEDS_SERVER = 0, /* takes the global options */
        PN_NEEDS_NOTHING,    /* of those only --help and --json */
    } needs;
    enum pn_exit (*run)(struct pn_cli *cli);
};

struct pn_connection; /* connect.h */

struct pn_cli {
    struct pn_arena *arena;
    const struct pn_command *command;
    const char *args[PN_CLI_ARGS_MAX]; /* what follows noun and verb */
    size_t arg_count;
    struct {
        const struct pn_option *option;
        const char *value; /* NULL for a switch */
    } given[PN_CLI_GIVEN_MAX];
    size_t given_count;
    struct pn_connection *connection; /* NULL until first needed */
};

extern const struct pn_option pn_global_options[];

/*
 * Read argv into *cli, whose arena is set.  PN_EXIT_USAGE after saying what is
 * wrong; cli->command NULL means that help was asked for (args say of what).
 */
PN_MUST_USE enum pn_exit pn_cli_parse(struct pn_cli *cli, int argc,
                                      char **argv);

/* The last value of an option; NULL when it was not given. */
const char *pn_cli_value(const struct pn_cli *cli, const char *name);
bool pn_cli_has(const struct pn_cli *cli, const char *name);

/* Values of an option in the order given; *at starts at 0.  NULL = no more. */
const char *pn_cli_next(const struct pn_cli *cli, const char *name, size_t *at);

/* Digits only, from least to most. */
PN_MUST_USE bool pn_number(struct pn_str text, uint32_t least, uint32_t most,
                           uint32_t *out);

/* A whole number from least to most, or PN_EXIT_USAGE after saying so. */
PN_MUST_USE enum pn_exit pn_cli_number(const struct pn_cli *cli,
                                       const char *name, uint32_t least,
                                       uint32_t most, uint32_t *out);

/* "postern: …" on standard error.  Control bytes are made harmless. */
void pn_say(const char *format, ...) PN_PRINTF(1, 2);

/* The same for a wrong command line, with where to read on. */
PN_MUST_USE enum pn_exit pn_cli_usage(const struct pn_cli *cli,
                                      const char *format, ...) PN_PRINTF(2, 3);

/* Out of memory, said once. */
PN_MUST_USE enum pn_exit pn_cli_nomem(void);

#endif
