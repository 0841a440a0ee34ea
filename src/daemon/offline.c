/* SPDX-License-Identifier: Apache-2.0 */
/* The acts of "posternd NOUN VERB": their table, command line and help. */
#include "daemon/offline.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { ARENA_MAX = 64 << 20, MESSAGE_MAX = 1024 };

static const struct pn_offline_act *const acts[] = {
    &pn_offline_audit_verify,
    &pn_offline_index_check,
    &pn_offline_index_rebuild,
};

void
pn_offline_say(const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list ap;

    va_start(ap, format);
    (void) vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char) *c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
    (void) fprintf(stderr, "posternd: %s\n", text);
}

struct pn_store *
pn_offline_store(const struct pn_offline_call *call)
{
    struct pn_store *store = NULL;
    enum pn_err err =
        pn_store_open(call->config->store, PN_STORE_READ_ONLY, &store);

    if (err != PN_OK) {
        char title[256];

        pn_store_title(call->config->store, title, sizeof(title));
        pn_offline_say("cannot open '%s': %s%s%s", title, pn_err_text(err),
                       pn_store_open_why()[0] != '\0' ? ": " : "",
                       pn_store_open_why());
        return NULL;
    }
    return store;
}

/* --- command line -------------------------------------------------------- */

static int
help(const struct pn_offline_act *act)
{
    (void) printf("%s\n\nUsage: posternd %s %s [OPTION]...\n\n%s\n",
                  act->summary, act->noun, act->verb, act->details);
    for (const struct pn_offline_option *o = act->options; o->name != NULL; o++)
    {
        (void) printf("  --%s%s%s\n        %s\n", o->name,
                      o->value != NULL ? " " : "",
                      o->value != NULL ? o->value : "", o->help);
    }
    (void) printf("  --config FILE\n        configuration (%s)\n  --help\n\n"
                  "Example:\n  %s\n",
                  PN_CONFIG_FILE, act->example);
    return fflush(stdout) == 0 ? PN_OFFLINE_OK : PN_OFFLINE_ERROR;
}

/* NULL after saying what there is. */
static const struct pn_offline_act *
find(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";

    for (size_t i = 0; i < PN_LEN(acts); i++) {
        if (strcmp(acts[i]->noun, argv[1]) == 0
            && strcmp(acts[i]->verb, verb) == 0) {
            return acts[i];
        }
    }
    pn_offline_say("there is no act '%s%s%s'; these are:", argv[1],
                   verb[0] != '\0' ? " " : "", verb);
    for (size_t i = 0; i < PN_LEN(acts); i++) {
        (void) fprintf(stderr, "  posternd %s %s\n", acts[i]->noun,
                       acts[i]->verb);
    }
    return NULL;
}

enum { OPT_HELP = 1000, OPT_CONFIG };

/* For getopt_long: the act's options, by their place in its list. */
static void
list_options(const struct pn_offline_act *act, struct option *out)
{
    for (int i = 0; act->options[i].name != NULL; i++) {
        *out++ = (struct option){.name = act->options[i].name,
                                 .has_arg = act->options[i].value != NULL
                                                ? required_argument
                                                : no_argument,
                                 .val = i};
    }
    *out++ = (struct option){"config", required_argument, NULL, OPT_CONFIG};
    *out++ = (struct option){"help", no_argument, NULL, OPT_HELP};
    *out = (struct option){NULL, 0, NULL, 0};
}

/* False with *code: it ends here. */
static bool
read_options(struct pn_offline_call *call, int argc, char **argv,
             const char **config, int *code)
{
    struct option options[PN_OFFLINE_OPTIONS_MAX + 3];
    int c;

    *code = PN_OFFLINE_USAGE;
    list_options(call->act, options);
    optind = 3; /* behind noun and verb */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == OPT_HELP) {
            *code = help(call->act);
            return false;
        }
        if (c == OPT_CONFIG) {
            *config = optarg;
        } else if (c >= 0 && c < PN_OFFLINE_OPTIONS_MAX) {
            call->value[c] = optarg != NULL ? optarg : "";
        } else { /* getopt_long has said what */
            return false;
        }
    }
    if (optind < argc) {
        pn_offline_say("unexpected argument '%s'", argv[optind]);
        return false;
    }
    return true;
}

/* Secrets of the store may be in memory. */
static void
protect(void)
{
    const struct rlimit none = {0, 0};

    (void) umask(0077);
    (void) setrlimit(RLIMIT_CORE, &none);
}

int
pn_offline_main(int argc, char **argv)
{
    const char *path = PN_CONFIG_FILE;
    char why[PN_CONFIG_WHY_MAX] = "out of memory";
    struct pn_offline_call call = {.act = find(argc, argv)};
    struct pn_config config;
    int code = PN_OFFLINE_USAGE;

    protect();
    if (call.act == NULL || !read_options(&call, argc, argv, &path, &code)) {
        return code;
    }
    call.arena = pn_arena_new(ARENA_MAX);
    if (call.arena == NULL
        || pn_config_load(path, call.arena, &config, why) != PN_OK)
    {
        pn_offline_say("%s", why);
    } else {
        pn_log_set_level(config.log_level);
        call.config = &config;
        code = (int) call.act->run(&call);
    }
    pn_arena_free(call.arena);
    return code;
}
