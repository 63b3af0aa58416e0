# One rule for each protocol that reads features, called by the protocol's name; and one more for each, whose job covers
# all datasets of a model where jobs go by model.
for evaluation in targets.evaluations(settings):

    rule:
        name:
            evaluation.rule
        input:
            unpack(of(inputs.measured, evaluation.protocol)),
        output:
            evaluation.outputs,
        log:
            f"logs/{evaluation.rule}/{evaluation.place}.log",
        benchmark:
            f"results/benchmarks/{evaluation.rule}/{evaluation.place}.tsv"
        wildcard_constraints:
            model=any_of(evaluation.models),
        group:
            "evaluate"
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=growing(1500),
            runtime=30,
        params:
            code=code("evaluate.py", f"protocols.{evaluation.protocol}"),
            protocol=evaluation.protocol,
            parameters=of(params.of_protocol, evaluation.protocol),
            mode=of(params.mode, evaluation.protocol),
            seed=settings.seed,
        script:
            "../scripts/evaluate.py"

    if evaluation.rule != evaluation.protocol:
        workflow.ruleorder(evaluation.rule, evaluation.protocol)
