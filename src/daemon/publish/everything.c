/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over all objects (docs/formats/index.md has the order of keys). */
#include "daemon/publish/everything.h"

#include "base/str.h"

enum pn_err
pn_publish_alone(struct pn_publication *p, pn_publish_fn *publish, uint64_t id)
{
    struct pn_arena *arena = pn_arena_new(PN_PUBLISH_ARENA_MAX);
    enum pn_err err;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    err = publish(p, id, arena);
    pn_arena_free(arena);
    return err;
}

struct each {
    struct pn_everything *all;
    pn_publish_fn *publish;
};

static enum pn_err
publish_each(void *arg, uint64_t id)
{
    const struct each *each = arg;
    enum pn_err err = each->all->before(each->all->arg);

    return err == PN_OK
               ? pn_publish_alone(each->all->publication, each->publish, id)
               : err;
}

static enum pn_err
publish_secret(void *arg, uint64_t token_id,
               const struct pn_token_secret *secret)
{
    struct pn_everything *all = arg;
    struct pn_arena *arena = pn_arena_new(PN_PUBLISH_ARENA_MAX);
    enum pn_err err;

    if (arena == NULL) {
        return PN_E_NOMEM;
    }
    err = all->before(all->arg);
    if (err == PN_OK) {
        err = pn_publish_secret(all->publication, token_id, secret, arena);
    }
    pn_arena_free(arena);
    return err;
}

/* One page of apps, by name; *next is the cursor of the one after it. */
static enum pn_err
publish_page(struct pn_everything *all, struct pn_arena *arena,
             const char *cursor, char **next)
{
    const struct pn_page page = {.cursor = cursor, .limit = PN_LIST_MAX};
    struct each each = {all, pn_publish_app};
    struct pn_app_list list;
    enum pn_err err =
        pn_store_apps(all->publication->store, &page, arena, &list);

    for (uint16_t i = 0; err == PN_OK && i < list.count; i++) {
        err = publish_each(&each, list.item[i].id);
    }
    if (err == PN_OK) {
        *next = list.next;
    }
    return err;
}

enum pn_err
pn_publish_apps(struct pn_everything *all)
{
    enum { PAGES_ARENA_MAX = 64 << 20 };
    static char first[] = "";
    struct pn_arena *arena = NULL;
    char *cursor = first;
    enum pn_err err = PN_OK;

    do {
        struct pn_arena *page = pn_arena_new(PAGES_ARENA_MAX);

        err = page == NULL ? PN_E_NOMEM
                           : publish_page(all, page, cursor, &cursor);
        pn_arena_free(arena); /* the cursor came from it */
        arena = page;
    } while (err == PN_OK && cursor[0] != '\0');
    pn_arena_free(arena);
    return err;
}

enum pn_err
pn_publish_everything(struct pn_everything *all)
{
    struct pn_store *store = all->publication->store;
    struct each names = {all, pn_publish_token_name};
    struct each owners = {all, pn_publish_owner};
    struct each policy = {all, pn_publish_policy};
    enum pn_err err = pn_publish_apps(all);

    if (err == PN_OK) {
        err = pn_store_each_token(store, publish_each, &names);
    }
    if (err == PN_OK) {
        err = pn_store_each_owner(store, publish_each, &owners);
    }
    if (err == PN_OK) {
        err = publish_each(&policy, 0);
    }
    return err == PN_OK ? pn_store_each_secret(store, publish_secret, all)
                        : err;
}
