/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes and changes an index without posternd, for tests and benches; `mkindex
 * --help` says how.  Not installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "bulk.h"
#include "core/record.h"
#include "index/index.h"
#include "spec.h"

static const char usage[] =
    "usage: mkindex [--group G] [--reserve BYTES] DIR SPEC.json\n"
    "       mkindex --set DIR SPEC.json    change a live index\n"
    "       mkindex --revoke DIR TOKEN...  likewise\n"
    "       mkindex --bulk N [--seed S] [--random] [--owners M] [--apps A,B]\n"
    "               [--sample K] DIR TOKENS_OUT\n"
    "       mkindex --serve [--stale S] DIR [SPEC.json]\n"
    "\n"
    "SPEC.json, every member optional, shapes as in the REST API:\n"
    "  {\"epoch\":1, \"stale_after_s\":0, "
    "\"policy\":{\"creation\":{\"enabled\":true,\n"
    "   \"grants\":[{\"group\":null}]}, \"tls_required\":false, "
    "\"ip_rules\":{},\n"
    "   \"prefixes\":[\"pst_\"]},\n"
    "   \"apps\":[{\"name\":\"jira\", \"paths\":[\"/rest/**\"]}],\n"
    "   \"owners\":[{\"username\":\"alice\", \"groups\":[\"staff\"], "
    "\"role\":\"user\"}],\n"
    "   \"tokens\":[{\"owner\":\"alice\", \"token\":\"pst_...\", "
    "\"revoked\":false}],\n"
    "   \"delete\":{\"tokens\":[], \"apps\":[], \"owners\":[]}}\n"
    "Without a policy everybody may have tokens, without TLS.\n"
    "A token may have \"hash\" (hex) instead; with neither it is made and\n"
    "printed as \"NAME TOKEN\".\n"
    "\n"
    "--serve keeps the writer open and answers each line of standard input\n"
    "with \"ok\" or \"error ...\": revoke TOKEN | set JSON | rebuild |\n"
    "grow N (tokens of nobody) | heartbeat | stats | tidy | quit.\n"
    "Its heartbeat beats only when told to.  rebuild needs SPEC.json.\n";

struct options {
    struct pn_index_options index;
    const char *spec; /* path, or NULL */
    struct bulk_options bulk;
};

static json_t *
read_spec(const char *path)
{
    static char bytes[PN_JSON_MAX];
    char why[256] = "";
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    json_t *doc = NULL;
    size_t len;

    if (file == NULL) {
        die("cannot open '%s': %s", path, strerror(errno));
    }
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    if (pn_json_parse((struct pn_str){bytes, len}, &doc, why, sizeof(why))
        != PN_OK) {
        die("'%s': %s", path, why);
    }
    return doc;
}

static void
take_settings(json_t *doc, struct pn_index_options *options)
{
    json_t *epoch = json_object_get(doc, "epoch");
    json_t *stale = json_object_get(doc, "stale_after_s");

    if (epoch != NULL) {
        options->epoch = (uint64_t) json_integer_value(epoch);
    }
    if (stale != NULL) {
        options->stale_after_s = (uint32_t) json_integer_value(stale);
    }
}

static void
fill(struct pn_index_writer *writer, json_t *doc)
{
    must(pn_index_writer_begin(writer), "begin");
    spec_open_policy(writer);
    if (doc != NULL) {
        spec_apply(writer, doc);
    }
    must(pn_index_writer_commit(writer, 1), "commit");
    pn_index_writer_heartbeat(writer, time(NULL));
}

static struct pn_index_writer *
make(struct options *options)
{
    struct pn_index_writer *writer = NULL;
    json_t *doc = options->spec == NULL ? NULL : read_spec(options->spec);

    if (doc != NULL) {
        take_settings(doc, &options->index);
    }
    must(pn_index_writer_create(&options->index, &writer), options->index.dir);
    fill(writer, doc);
    json_decref(doc);
    return writer;
}

static struct pn_index_writer *
open_live(const struct options *options, int64_t *position)
{
    struct pn_index_writer *writer = NULL;

    must(pn_index_writer_open(&options->index, &writer, position),
         options->index.dir);
    return writer;
}

/* Set the flag in the record that stands there; PN_E_NOT_FOUND. */
static enum pn_err
mark_revoked(struct pn_index_writer *writer, const char *dir, const char *token)
{
    static char bytes[PN_RECORD_MAX];
    struct pn_buf buf = PN_BUF(bytes);
    struct pn_index *index = NULL;
    struct pn_token_record rec;
    struct pn_hash hash;
    enum pn_err err;

    spec_hash(token, &hash);
    err = pn_index_new(dir, &index);
    if (err == PN_OK) {
        err = pn_index_begin(index, time(NULL));
    }
    if (err == PN_OK) {
        err = pn_index_token(index, &hash, &rec);
    }
    if (err == PN_OK) {
        rec.flags |= PN_TOKEN_REVOKED;
        err = pn_token_record_encode(&rec, &buf);
    }
    pn_index_free(index);
    return err == PN_OK ? pn_index_put_token(writer, &hash, pn_buf_str(&buf))
                        : err;
}

static enum pn_err
do_revoke(struct pn_index_writer *writer, const char *dir, const char *token,
          int64_t position)
{
    enum pn_err err = pn_index_writer_begin(writer);

    if (err == PN_OK) {
        err = mark_revoked(writer, dir, token);
    }
    if (err != PN_OK) {
        pn_index_writer_abort(writer);
        return err;
    }
    return pn_index_writer_commit(writer, position);
}

static enum pn_err
do_set(struct pn_index_writer *writer, json_t *doc, int64_t position)
{
    enum pn_err err = pn_index_writer_begin(writer);

    if (err != PN_OK) {
        return err;
    }
    spec_apply(writer, doc);
    return pn_index_writer_commit(writer, position);
}

static enum pn_err
do_rebuild(struct pn_index_writer *writer, struct options *options)
{
    json_t *doc = options->spec == NULL ? NULL : read_spec(options->spec);
    enum pn_err err = pn_index_writer_rebuild(writer);

    if (err == PN_OK) {
        fill(writer, doc);
    }
    json_decref(doc);
    return err;
}

static enum pn_err
do_stats(struct pn_index_writer *writer)
{
    struct pn_index_stats stats;
    enum pn_err err = pn_index_writer_stats(writer, &stats);

    if (err == PN_OK) {
        printf("{\"generation\":%" PRIu64 ",\"tokens\":%" PRIu64
               ",\"owners\":%" PRIu64 ",\"apps\":%" PRIu64
               ",\"live_bytes\":%" PRIu64 ",\"file_bytes\":%" PRIu64
               ",\"position\":%" PRId64 ",\"readers\":%" PRIu32 "}\n",
               stats.generation, stats.tokens, stats.owners, stats.apps,
               stats.live_bytes, stats.file_bytes, stats.position,
               stats.readers);
    }
    return err;
}

static enum pn_err
obey_set(struct pn_index_writer *writer, const char *text, int64_t position)
{
    json_t *doc = NULL;
    enum pn_err err = pn_json_parse(pn_str_from(text), &doc, NULL, 0);

    if (err == PN_OK) {
        err = do_set(writer, doc, position);
        json_decref(doc);
    }
    return err;
}

static enum pn_err
obey(struct pn_index_writer *writer, struct options *options, char *line,
     int64_t position)
{
    char *rest = strchr(line, ' ');

    if (rest != NULL) {
        *rest++ = '\0';
    } else {
        rest = line + strlen(line);
    }
    if (strcmp(line, "revoke") == 0) {
        return do_revoke(writer, options->index.dir, rest, position);
    }
    if (strcmp(line, "set") == 0) {
        return obey_set(writer, rest, position);
    }
    if (strcmp(line, "rebuild") == 0) {
        return do_rebuild(writer, options);
    }
    if (strcmp(line, "grow") == 0) {
        return bulk_grow(writer, strtoul(rest, NULL, 10), position);
    }
    if (strcmp(line, "heartbeat") == 0) {
        pn_index_writer_heartbeat(writer, time(NULL));
        return PN_OK;
    }
    if (strcmp(line, "tidy") == 0) {
        pn_index_writer_tidy(writer);
        return PN_OK;
    }
    return strcmp(line, "stats") == 0 ? do_stats(writer) : PN_E_SYNTAX;
}

static void
serve(struct options *options)
{
    struct pn_index_writer *writer = make(options);
    int64_t position = 1;
    char *line = NULL;
    size_t cap = 0;

    puts("ok");
    fflush(stdout);
    while (getline(&line, &cap, stdin) > 0) {
        enum pn_err err;

        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0) {
            break;
        }
        err = obey(writer, options, line, ++position);
        if (err == PN_OK) {
            puts("ok");
        } else {
            printf("error %s\n", pn_err_text(err));
        }
        fflush(stdout);
    }
    free(line);
    pn_index_writer_free(writer);
    puts("ok");
}

static void
change(struct options *options, const char *verb, char **args, int count)
{
    int64_t position = 0;
    struct pn_index_writer *writer;
    json_t *doc = NULL;

    if (strcmp(verb, "--set") == 0) {
        doc = read_spec(args[0]);
        take_settings(doc, &options->index);
    }
    writer = open_live(options, &position);
    if (doc != NULL) {
        must(do_set(writer, doc, position + 1), args[0]);
        json_decref(doc);
    }
    for (int i = 0; doc == NULL && i < count; i++) {
        must(do_revoke(writer, options->index.dir, args[i], ++position),
             "revoke");
    }
    pn_index_writer_heartbeat(writer, time(NULL));
    pn_index_writer_free(writer);
}

/* An option with a value; true when it was one. */
static bool
take_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--group") == 0) {
        options->index.group = value;
    } else if (strcmp(name, "--reserve") == 0) {
        options->index.map_reserve = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--epoch") == 0) {
        options->index.epoch = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--stale") == 0) {
        options->index.stale_after_s = (uint32_t) strtoul(value, NULL, 10);
    } else if (strcmp(name, "--bulk") == 0) {
        options->bulk.count = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--seed") == 0) {
        options->bulk.seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--owners") == 0) {
        options->bulk.owners = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--sample") == 0) {
        options->bulk.sample = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--apps") == 0) {
        options->bulk.apps = value;
    } else {
        return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct options options = {
        .index = {.epoch = 1},
        .bulk = {.seed = 1, .owners = 1000, .sample = 100000, .apps = "app"}};
    const char *verb = "";
    int at = 1;

    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
        if (strcmp(argv[at], "--help") == 0) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[at], "--random") == 0) {
            options.bulk.order = BULK_RANDOM;
        } else if (at + 1 < argc
                   && take_option(&options, argv[at], argv[at + 1])) {
            at++;
        } else {
            verb = argv[at];
        }
    }
    if (argc - at < 1) {
        fputs(usage, stderr);
        return 2;
    }
    options.index.dir = argv[at++];
    if (strcmp(verb, "--serve") == 0) {
        options.spec = at < argc ? argv[at] : NULL;
        serve(&options);
    } else if (strcmp(verb, "--set") == 0 || strcmp(verb, "--revoke") == 0) {
        if (at == argc) {
            die("%s: something to do is missing", verb);
        }
        change(&options, verb, argv + at, argc - at);
    } else if (*verb != '\0' || at == argc) {
        fputs(usage, stderr);
        return 2;
    } else if (options.bulk.count != 0) {
        bulk_make(&options.index, &options.bulk, argv[at]);
    } else {
        options.spec = argv[at];
        pn_index_writer_free(make(&options));
    }
    return EXIT_SUCCESS;
}
