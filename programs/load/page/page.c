/* SPDX-License-Identifier: MIT
 *
 * The page of a result, or of two that are compared: see page.h. It is
 * well-formed as XML, too. What comes from results goes through html_text().
 */
#include "load/page/page.h"
#include "load/page/html.h"
#include "load/page/parts.h"

/* Nothing that the page could be made to fetch would be fetched. */
static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
    "<meta name=\"generator\" content=\"coir load\"/>\n";

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--ink:#1c2128;--soft:#57606a;--line:#d5dbe1;--grid:#e9edf1;--ground:#fff;"
    "--panel:#f5f7f9;--a:#2160c4;--b:#c2540a;--bad:#c9182b;--good:#19773a}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa4af;--line:#3a424b;--grid:#2a3038;"
    "--ground:#15191e;--panel:#1e242b;--a:#74abff;--b:#f6a04d;--bad:#ff7078;--good:#5fca83}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,"
    "'Noto Sans','DejaVu Sans',sans-serif}\n"
    "main{max-width:1040px;margin:0 auto;padding:40px 24px 64px}\n"
    "h1{font-size:28px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em;overflow-wrap:anywhere}\n"
    "h2{font-size:20px;line-height:1.3;margin:48px 0 4px}\n"
    "p{margin:4px 0 12px;max-width:85ch;overflow-wrap:anywhere}\n"
    ".about,.note,figcaption{color:var(--soft);font-size:14px}.about{max-width:none}\n"
    ".verdict{font-weight:600}.verdict.good{color:var(--good)}.verdict.wrong{color:var(--bad)}\n"
    ".notice{border-left:4px solid var(--bad);background:var(--panel);padding:8px 14px;max-width:none}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 0}\n"
    ".tile{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 14px;display:flex;"
    "flex-direction:column}\n"
    ".tile .name{color:var(--soft);font-size:13px}\n"
    ".figure{font-size:23px;line-height:1.35;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".figure.a{color:var(--a)}.figure.b{color:var(--b)}\n"
    "figure{margin:8px 0 0}figcaption{max-width:85ch;margin:4px 0 8px}\n"
    ".wide{overflow-x:auto}\n"
    "svg{display:block;width:100%;min-width:640px;height:auto;font-size:12.5px;font-variant-numeric:tabular-nums}\n"
    "svg text{fill:var(--soft)}svg text.x{text-anchor:middle}svg text.y{text-anchor:end}svg "
    "text.title{fill:var(--ink)}\n"
    "svg text.a{fill:var(--a)}svg text.b{fill:var(--b)}\n"
    ".axis{stroke:var(--soft);fill:none}.grid{stroke:var(--grid);fill:none}\n"
    ".fill.a{fill:var(--a)}.fill.b{fill:var(--b)}.bad{fill:var(--bad)}\n"
    ".area{fill-opacity:.28;stroke-width:1.5}.area.a{fill:var(--a);stroke:var(--a)}.area.b{fill:var(--b);"
    "stroke:var(--b)}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.line.fine{stroke-width:1.2;stroke-opacity:.85}.line.a,.mark."
    "a{stroke:var(--a)}"
    ".line.b,.mark.b{stroke:var(--b)}\n"
    ".mark{fill:none;stroke-dasharray:3 3}\n"
    ".tip{fill:transparent}.tip:hover{fill:var(--soft);fill-opacity:.18}\n"
    "table{border-collapse:collapse;width:100%;margin:8px 0 0;font-size:15px}\n"
    "table.narrow{max-width:680px}\n"
    "th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:baseline;"
    "overflow-wrap:anywhere}\n"
    "tbody th{font-weight:400;color:var(--soft)}thead th{font-size:14px;vertical-align:bottom}\n"
    ".number,.word{text-align:right;font-variant-numeric:tabular-nums;padding-right:0;padding-left:24px}"
    ".number{white-space:nowrap}thead .word{min-width:7em}tbody th{min-width:11em}\n"
    ".wrong{color:var(--bad);font-weight:600}\n"
    ".differs th,.differs td{color:var(--ink);font-weight:600}\n"
    "code{font:14px ui-monospace,'DejaVu Sans Mono',monospace;color:var(--ink);margin-right:10px}\n"
    ".swatch{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:7px}\n"
    ".swatch.a{background:var(--a)}.swatch.b{background:var(--b)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 24px;font-size:14px;margin:4px 0;max-width:none}\n"
    "footer{margin-top:56px;padding-top:12px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}\n"
    "@media print{body{font-size:12px}main{max-width:none;padding:0}figure,.tile,tr{break-inside:avoid}}\n"
    "</style>\n";

static void write_head(const struct page *page)
{
    fputs(head, page->file);
    fputs("<title>coir load: ", page->file);
    html_text(page->file, page->count > 1 ? page->names[0] : page->results[0]->settings.uri);
    if (page->count > 1) {
        fputs(" and ", page->file);
        html_text(page->file, page->names[1]);
    }
    fputs("</title>\n", page->file);
    fputs(style, page->file);
    fputs("</head>\n<body>\n<main>\n", page->file);
}

static void write_title(const struct page *page)
{
    fputs("<h1>", page->file);
    if (page->count > 1) {
        html_text(page->file, page->names[0]);
        fputs(" and ", page->file);
        html_text(page->file, page->names[1]);
    } else {
        html_text(page->file, page->results[0]->settings.uri);
    }
    fputs("</h1>\n", page->file);
}

/* "closed loop, 64 connections, 64 bytes a message": what one has to know to read the figures. */
static void write_about(const struct page *page, size_t index)
{
    const struct load_result *result = page->results[index];
    char connections[HTML_NUMBER_SIZE], bytes[HTML_NUMBER_SIZE], measured[HTML_NUMBER_SIZE];

    html_print_count((double)result->settings.connections, connections);
    html_print_count((double)result->settings.message_bytes, bytes);
    html_print_duration((double)result->measured_ns, measured);
    fputs("<p class=\"about\">", page->file);
    if (page->count > 1) {
        fprintf(page->file, "<span class=\"%c swatch\"></span>", page_class(index));
        html_text(page->file, page->names[index]);
        fputs(": ", page->file);
        html_text(page->file, result->settings.uri);
        fputs(", ", page->file);
    }
    fprintf(page->file, "%s, %s %s, %s bytes a message, measured for %s</p>\n", load_mode_name(result->settings.mode),
            connections, result->settings.connections == 1 ? "connection" : "connections", bytes, measured);
}

static void write_verdict(const struct page *page, size_t index)
{
    const struct load_result *result = page->results[index];
    uint64_t errors = load_result_errors(result);
    char all[HTML_NUMBER_SIZE], wrong[HTML_NUMBER_SIZE], abandoned[HTML_NUMBER_SIZE];

    html_print_count((double)errors, all);
    html_print_count((double)result->abandoned, abandoned);
    html_print_count((double)load_result_wrong(result), wrong);
    fprintf(page->file, "<p class=\"verdict %s\">", errors > 0 || result->messages == 0 ? "wrong" : "good");
    if (page->count > 1) {
        html_text(page->file, page->names[index]);
        fputs(": ", page->file);
    }
    if (result->interrupted)
        fprintf(page->file, "It was interrupted, with %s messages under way. ", abandoned);
    if (errors > 0)
        fprintf(page->file, "%s %s, %s of wrong bytes.", all, errors == 1 ? "error" : "errors",
                load_result_wrong(result) > 0 ? wrong : "none");
    else if (result->messages == 0)
        fputs("No message came back while it was measured.", page->file);
    else
        fprintf(page->file, "Every %sbyte came back as it was sent.", result->abandoned > 0 ? "other " : "");
    fputs("</p>\n", page->file);
}

static void write_header(const struct page *page)
{
    fputs("<header>\n", page->file);
    write_title(page);
    for (size_t i = 0; i < page->count; i++)
        write_about(page, i);
    for (size_t i = 0; i < page->count; i++)
        write_verdict(page, i);
    page_write_differences(page);
    fputs("</header>\n", page->file);
    page_write_tiles(page);
}

static void write_figure(const struct page *page, const char *title, const char *caption,
                         void (*draw)(const struct page *page))
{
    fprintf(page->file, "<section>\n<h2>%s</h2>\n<figure>\n<figcaption>%s</figcaption>\n", title, caption);
    page_write_legend(page);
    fputs("<div class=\"wide\">\n", page->file);
    draw(page);
    fputs("</div>\n</figure>\n</section>\n", page->file);
}

static void write_figures(const struct page *page)
{
    write_figure(page, "Latency",
                 "How many messages took how long. A bar that would be too low to be seen is drawn a little higher.",
                 page_write_distribution);
    write_figure(page, "Latency by percentile",
                 "How long all but the slowest took: 99 % of the messages took at most what is above 99 %.",
                 page_write_percentiles);
    write_figure(page, "Throughput",
                 "Messages that came back. Intervals in which there were errors, if any, are marked above.",
                 page_write_throughput);
    write_figure(page, "Worst latency", "The longest that a message took which came back in the interval.",
                 page_write_worst);
}

static void write_section(const struct page *page, const char *title, void (*write)(const struct page *page))
{
    fprintf(page->file, "<section>\n<h2>%s</h2>\n", title);
    write(page);
    fputs("</section>\n", page->file);
}

static bool has_messages(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->results[i]->latency.total > 0)
            return true;
    return false;
}

void page_write(FILE *file, const struct load_result *result, const char *name, const struct load_result *other,
                const char *other_name)
{
    const struct page page = {
        .file = file,
        .count = other != NULL ? 2 : 1,
        .results = {result, other},
        .names = {name, other_name},
    };

    write_head(&page);
    write_header(&page);
    if (has_messages(&page))
        write_figures(&page);
    write_section(&page, "Results", page_write_results);
    write_section(&page, "Errors", page_write_errors);
    write_section(&page, "Settings", page_write_settings);
    fprintf(
        file,
        "<footer>Latencies are from a log-linear histogram: a percentile is right within %.1f&#160;%%, the least and "
        "the worst are exact. In an open loop a latency counts from the moment at which the message was due."
        "</footer>\n</main>\n</body>\n</html>\n",
        HISTOGRAM_PRECISION * 100);
}
