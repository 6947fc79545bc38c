"""The metrics of several resolvers as one page."""

from zonegit_cli.stack.metrics import merge

PAGE = """\
# HELP zonegit_queries_total Queries answered.
# TYPE zonegit_queries_total counter
zonegit_queries_total{zone="foo.com."} %d
# HELP zonegit_propagation_seconds From a ref's move to its being served.
# TYPE zonegit_propagation_seconds histogram
zonegit_propagation_seconds_bucket{le="0.1"} 1
zonegit_propagation_seconds_bucket{le="+Inf"} 2
zonegit_propagation_seconds_count 2
zonegit_propagation_seconds_sum 3.5
"""


def test_each_sample_has_its_resolver_and_each_family_one_description() -> None:
    page = merge(
        [({"resolver": f"resolver-{number}"}, PAGE % (number + 2)) for number in (1, 2)]
    ).decode()
    assert 'zonegit_queries_total{resolver="resolver-1",zone="foo.com."} 3.0' in page
    assert 'zonegit_queries_total{resolver="resolver-2",zone="foo.com."} 4.0' in page
    assert page.count("# TYPE zonegit_queries_total counter") == 1
    assert page.count("# TYPE zonegit_propagation_seconds histogram") == 1
    assert 'zonegit_propagation_seconds_bucket{le="+Inf",resolver="resolver-2"} 2.0' in page


def test_without_replies_the_page_is_empty() -> None:
    assert merge([]) == b""
