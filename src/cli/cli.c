/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the command line.
 *
 * Options may stand anywhere.  Which of them take a value depends on the
 * command, so noun and verb are found first, among global options only.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/commands.h"

const struct pn_option pn_global_options[] = {
    {"url", "URL", "posternd behind this address (or POSTERN_URL)", PN_ONCE},
    {"cacert", "FILE", "certificate authority to trust for --url", PN_ONCE},
    {"socket", "PATH", "posternd on this machine, through its socket", PN_ONCE},
    {"local", NULL, "posternd on this machine, even when signed in", PN_ONCE},
    {"as", "USER", "sign in as USER for this command only", PN_ONCE},
    {"as-password-file", "FILE", "USER's password; - is standard input",
     PN_ONCE},
    {"json", NULL, "print JSON instead of a table", PN_ONCE},
    {"help", NULL, "explain the command", PN_ONCE},
    {NULL, NULL, NULL, PN_ONCE},
};

static void PN_PRINTF(1, 0) say(const char *format, va_list list)
{
    char text[4096];
    int len = vsnprintf(text, sizeof(text), format, list);

    /* What a server or file says must not drive the terminal. */
    for (int i = 0; i < len && text[i] != '\0'; i++) {
        unsigned char c = (unsigned char) text[i];

        if ((c < 0x20 && c != '\n') || c == 0x7f) {
            text[i] = '?';
        }
    }
    (void) fprintf(stderr, "postern: %s\n", len < 0 ? format : text);
}

void
pn_say(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(format, list);
    va_end(list);
}

enum pn_exit
pn_cli_usage(const struct pn_cli *cli, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    say(format, list);
    va_end(list);
    if (cli->command == NULL) {
        (void) fprintf(stderr, "See 'postern help'.\n");
    } else {
        (void) fprintf(stderr, "See '%s --help'.\n",
                       pn_command_title(cli->command, cli->arena));
    }
    return PN_EXIT_USAGE;
}

enum pn_exit
pn_cli_nomem(void)
{
    pn_say("out of memory");
    return PN_EXIT_ERROR;
}

static const struct pn_option *
option_in(const struct pn_option *list, struct pn_str name)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (pn_str_eq(pn_str_from(list->name), name)) {
            return list;
        }
    }
    return NULL;
}

static const struct pn_option *
option_find(const struct pn_command *command, struct pn_str name)
{
    const struct pn_option *found = NULL;

    if (command != NULL) {
        found = option_in(command->options, name);
    }
    if (found == NULL) {
        found = option_in(pn_global_options, name);
        if (found != NULL && command != NULL
            && command->needs == PN_NEEDS_NOTHING
            && strcmp(found->name, "help") != 0
            && strcmp(found->name, "json") != 0)
        {
            found = NULL;
        }
    }
    return found;
}

static const char *
option_nearest(const struct pn_command *command, const char *typed)
{
    const char *names[128];
    size_t count = 0;
    bool own = command != NULL && command->needs == PN_NEEDS_NOTHING;
    const struct pn_option *lists[2] = {
        command != NULL ? command->options : NULL,
        own ? NULL : pn_global_options,
    };

    for (size_t i = 0; i < PN_LEN(lists); i++) {
        const struct pn_option *o = lists[i];

        for (; o != NULL && o->name != NULL && count < PN_LEN(names); o++) {
            names[count++] = o->name;
        }
    }
    return pn_nearest(typed, names, count);
}

/* "--name" or "--name=value" without its dashes, cut in two. */
static struct pn_str
option_name(const char *word, const char **value)
{
    struct pn_str text = pn_str_from(word + 2);
    size_t cut = pn_str_find(text, '=');

    *value = cut < text.len ? text.ptr + cut + 1 : NULL;
    return (struct pn_str){text.ptr, cut};
}

static bool
is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static enum pn_exit
add_arg(struct pn_cli *cli, const char *word)
{
    if (cli->arg_count == PN_CLI_ARGS_MAX) {
        return pn_cli_usage(cli, "too many words");
    }
    cli->args[cli->arg_count++] = word;
    return PN_EXIT_OK;
}

/* Takes the option at argv[*at], moving *at over a value of its own. */
static enum pn_exit
add_option(struct pn_cli *cli, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *value = NULL;
    const struct pn_option *option = NULL;
    struct pn_str name = {word, strlen(word)};

    if (strcmp(word, "-h") == 0) {
        option = option_find(NULL, PN_STR("help"));
    } else if (word[1] == '-') {
        name = option_name(word, &value);
        option = option_find(cli->command, name);
    }
    if (option == NULL) {
        char typed[64];
        const char *near;

        (void) snprintf(typed, sizeof(typed), "%.*s", (int) name.len, name.ptr);
        near = option_nearest(cli->command, typed);
        return pn_cli_usage(cli, "unknown option '%s'%s%s%s", word,
                            near ? "; did you mean '--" : "", near ? near : "",
                            near ? "'?" : "");
    }
    if (option->value == NULL && value != NULL) {
        return pn_cli_usage(cli, "option '--%s' takes no value", option->name);
    }
    if (option->value != NULL && value == NULL) {
        if (*at + 1 >= argc) {
            return pn_cli_usage(cli, "option '--%s' needs a value: %s",
                                option->name, option->value);
        }
        value = argv[++*at];
    }
    if (option->times == PN_ONCE && pn_cli_has(cli, option->name)) {
        return pn_cli_usage(cli, "option '--%s' is given twice", option->name);
    }
    if (cli->given_count == PN_CLI_GIVEN_MAX) {
        return pn_cli_usage(cli, "too many options");
    }
    cli->given[cli->given_count].option = option;
    cli->given[cli->given_count++].value = value;
    return PN_EXIT_OK;
}

/* The next word that is no option from *at on; global options are skipped, and
 * taken in the second reading. */
static const char *
next_word(int argc, char **argv, int *at)
{
    for (; *at < argc; (*at)++) {
        const struct pn_option *option;
        const char *value;

        if (!is_option(argv[*at]) || strcmp(argv[*at], "--") == 0) {
            return argv[*at];
        }
        if (argv[*at][1] != '-') {
            continue;
        }
        option = option_find(NULL, option_name(argv[*at], &value));
        if (option == NULL) {
            return NULL; /* belongs to a command that was not named yet */
        }
        if (option->value != NULL && value == NULL) {
            (*at)++;
        }
    }
    return NULL;
}

static enum pn_exit
unknown_command(struct pn_cli *cli, const char *noun, const char *verb)
{
    const char *near;

    if (pn_command_noun(noun) == NULL) {
        near = pn_nearest_noun(noun);
        return pn_cli_usage(cli, "unknown command '%s'%s%s%s", noun,
                            near ? "; did you mean '" : "", near ? near : "",
                            near ? "'?" : "");
    }
    if (verb == NULL) {
        pn_say("'%s' needs a verb", noun);
        (void) fprintf(stderr, "See 'postern help %s'.\n", noun);
        return PN_EXIT_USAGE;
    }
    near = pn_nearest_verb(noun, verb);
    pn_say("'%s' has no verb '%s'%s%s%s", noun, verb,
           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    (void) fprintf(stderr, "See 'postern help %s'.\n", noun);
    return PN_EXIT_USAGE;
}

/* Sets cli->command; noun_at and verb_at tell which words those were. */
static enum pn_exit
find_command(struct pn_cli *cli, int argc, char **argv, int *noun_at,
             int *verb_at)
{
    const char *noun, *verb;
    bool help = false;

    *noun_at = *verb_at = 1;
    noun = next_word(argc, argv, noun_at);
    for (int i = 1; i < argc; i++) {
        help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    }
    if (noun == NULL) {
        *noun_at = *verb_at = argc;
        for (int i = 1; i < argc; i++) {
            if (strcmp(argv[i], "--version") == 0) {
                cli->command = pn_command_find("version", NULL);
                *noun_at = *verb_at = i;
            }
        }
        return PN_EXIT_OK;
    }
    *verb_at = *noun_at;
    cli->command = pn_command_find(noun, NULL);
    if (cli->command != NULL) {
        return PN_EXIT_OK;
    }
    (*verb_at)++;
    verb = next_word(argc, argv, verb_at);
    cli->command = verb != NULL ? pn_command_find(noun, verb) : NULL;
    if (cli->command == NULL && help && pn_command_noun(noun) != NULL) {
        cli->command = pn_command_find("help", NULL);
        *verb_at = *noun_at;
        return add_arg(cli, noun);
    }
    return cli->command != NULL ? PN_EXIT_OK : unknown_command(cli, noun, verb);
}

static enum pn_exit
check_count(struct pn_cli *cli)
{
    if (pn_cli_has(cli, "help") || cli->command == NULL) {
        return PN_EXIT_OK;
    }
    if (cli->arg_count < cli->command->min_args) {
        return pn_cli_usage(cli, "missing %s", cli->command->args);
    }
    if (cli->arg_count > cli->command->max_args) {
        return pn_cli_usage(cli, "unexpected word '%s'",
                            cli->args[cli->command->max_args]);
    }
    return PN_EXIT_OK;
}

enum pn_exit
pn_cli_parse(struct pn_cli *cli, int argc, char **argv)
{
    int noun_at, verb_at;
    bool plain = false; /* after "--" everything is a word */
    enum pn_exit rc = find_command(cli, argc, argv, &noun_at, &verb_at);

    for (int i = 1; i < argc && rc == PN_EXIT_OK; i++) {
        if (i == noun_at || i == verb_at) {
            continue;
        }
        if (plain || !is_option(argv[i])) {
            rc = add_arg(cli, argv[i]);
        } else if (strcmp(argv[i], "--") == 0) {
            plain = true;
        } else {
            rc = add_option(cli, argc, argv, &i);
        }
    }
    return rc == PN_EXIT_OK ? check_count(cli) : rc;
}

const char *
pn_cli_value(const struct pn_cli *cli, const char *name)
{
    for (size_t i = cli->given_count; i > 0; i--) {
        if (strcmp(cli->given[i - 1].option->name, name) == 0) {
            return cli->given[i - 1].value;
        }
    }
    return NULL;
}

bool
pn_cli_has(const struct pn_cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *
pn_cli_next(const struct pn_cli *cli, const char *name, size_t *at)
{
    while (*at < cli->given_count) {
        size_t i = (*at)++;

        if (strcmp(cli->given[i].option->name, name) == 0) {
            return cli->given[i].value;
        }
    }
    return NULL;
}

bool
pn_number(struct pn_str text, uint32_t least, uint32_t most, uint32_t *out)
{
    uint64_t value = 0;
    bool good = text.len > 0 && text.len < 11;

    for (size_t i = 0; good && i < text.len; i++) {
        good = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        value = value * 10 + (uint64_t) (good ? text.ptr[i] - '0' : 0);
    }
    if (!good || value < least || value > most) {
        return false;
    }
    *out = (uint32_t) value;
    return true;
}

enum pn_exit
pn_cli_number(const struct pn_cli *cli, const char *name, uint32_t least,
              uint32_t most, uint32_t *out)
{
    const char *text = pn_cli_value(cli, name);

    if (pn_number(pn_str_from(text), least, most, out)) {
        return PN_EXIT_OK;
    }
    return pn_cli_usage(cli,
                        "option '--%s' wants a whole number from %u to %u, "
                        "not '%s'",
                        name, least, most, text != NULL ? text : "");
}
