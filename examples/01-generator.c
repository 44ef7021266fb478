/* SPDX-License-Identifier: MIT
 *
 * A generator: a function that walks a tree and hands out one value at a time,
 * to a caller that asks for the next when it likes. Teaches create, resume,
 * yield, status, and that an unfinished coroutine may simply be destroyed.
 */
#include <coir/coroutine.h>
#include <coir/error.h>
#include <stdio.h>

struct node {
    const char *word;
    const struct node *left;
    const struct node *right;
};

/* Recursion and all: the walk's place in the tree is the coroutine's stack, so there is no state to keep by hand. */
static void walk(struct coir_coroutine *self, const struct node *node)
{
    if (node == NULL)
        return;
    walk(self, node->left);
    (void)coir_coroutine_yield(self, (void *)node->word); /* the resume that is waiting returns it */
    walk(self, node->right);
}

static void *list_words(struct coir_coroutine *self, void *value, void *arg)
{
    (void)value; /* what the first resume passed: nothing, here */
    walk(self, arg);
    return NULL; /* the last resume returns it, and the status is then "finished" */
}

int main(void)
{
    static struct node cherry = {"cherry", NULL, NULL};
    static struct node apple = {"apple", NULL, NULL};
    static struct node fig = {"fig", NULL, NULL};
    static struct node date = {"date", &cherry, &fig};
    static struct node banana = {"banana", &apple, &date};
    struct coir_coroutine *words;
    const char *word;
    int rc = coir_coroutine_create(list_words, &banana, NULL, &words);

    if (rc < 0) {
        fprintf(stderr, "generator: %s\n", coir_error_text(rc));
        return 1;
    }
    while ((word = coir_coroutine_resume(words, NULL)) != NULL)
        puts(word);
    printf("finished: %s\n", coir_coroutine_status(words) == COIR_COROUTINE_FINISHED ? "yes" : "no");
    coir_coroutine_destroy(words);

    /* Whoever has seen enough drops the rest; nothing on its stack needed cleaning up. */
    rc = coir_coroutine_create(list_words, &banana, NULL, &words);
    if (rc < 0)
        return 1;
    printf("only the first: %s\n", (const char *)coir_coroutine_resume(words, NULL));
    coir_coroutine_destroy(words);
    return 0;
}
