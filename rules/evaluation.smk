# One rule for each protocol that reads features, named after the protocol. With `jobs_by: model` there is a second rule
# for each, whose jobs cover all datasets of a model.
for evaluation in targets.evaluations(settings):

    rule:
        name:
            evaluation.rule
        input:
            unpack(per_job(inputs.measured, evaluation.protocol)),
        output:
            evaluation.outputs,
        log:
            f"logs/{evaluation.rule}/{evaluation.wildcards}.log",
        benchmark:
            f"results/benchmarks/{evaluation.rule}/{evaluation.wildcards}.tsv"
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
            parameters=per_job(params.of_protocol, evaluation.protocol),
            mode=per_job(params.mode, evaluation.protocol),
            seed=settings.seed,
        script:
            "../scripts/evaluate.py"

    if evaluation.rule != evaluation.protocol:
        workflow.ruleorder(evaluation.rule, evaluation.protocol)
